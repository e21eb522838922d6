package causeloop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	// pageSize is how many rows are asked for at once: the vendor's own limit.
	pageSize = 100
	// maxPages bounds the pages of a list: pages of 25, which nobody asked for, hold as many rows as are read.
	maxPages = rest.MaxRows / 25
	// maxCursor bounds what leads to the next page, in bytes.
	maxCursor = 1024
)

var (
	// errRow: a row is not what is expected.
	errRow = errors.New("a row has another shape")
	// errPage: what leads to the next page leads nowhere.
	errPage = errors.New("a list does not lead to its end")
	// errRows: a list has more rows than are read.
	errRows = errors.New("a list is too long")
)

// tokens lists the rows of a place as tokens.
func (c *Client) tokens(ctx context.Context, operation, place string, yield func(token.Token) error) (vendors.Listing, error) {
	return list(ctx, c, c.call(operation, http.MethodGet, place), func(read row) error {
		listed, ok := read.token()
		if !ok {
			return errRow
		}
		return yield(listed)
	})
}

// list makes a call as often as its list has pages, and yields the rows of all of them. An error means that the list is not
// complete: a page that says there is more and not where, or leads back, is one.
func list[T any](ctx context.Context, c *Client, call rest.Call, yield func(T) error) (vendors.Listing, error) {
	call.Want = http.StatusOK
	rows := 0
	counted := func(read T) error {
		if rows++; rows > rest.MaxRows {
			return errRows
		}
		return yield(read)
	}
	var told vendors.Listing
	followed := map[string]bool{}
	for cursor := ""; ; {
		call.Query = pageQuery(cursor)
		beside, answer, err := rest.Envelope(ctx, c.api, call, "data", counted)
		if len(followed) == 0 {
			told.VendorTime = answer.VendorTime
		}
		if err != nil {
			return told, explained(err)
		}
		next, ok := nextPage(beside["page"])
		switch {
		case ok && next == "":
			return told, nil
		case !ok, followed[next], len(followed) == maxPages:
			return told, &token.Failure{
				Operation: call.Operation, Class: token.Unavailable, Cause: token.CauseUnexpected, Status: answer.Status, Err: errPage,
			}
		}
		followed[next] = true
		cursor = next
	}
}

func pageQuery(cursor string) url.Values {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return query
}

// page tells whether there is more of a list.
type page struct {
	NextCursor *string `json:"next_cursor"`
	HasMore    *bool   `json:"has_more"`
}

// nextPage gives what leads to the next page; nothing at the end of the list, which is where nothing is said, too. It is not
// ok where there is more and nothing leads to it.
func nextPage(text json.RawMessage) (cursor string, ok bool) {
	var said page
	if len(text) > 0 && json.Unmarshal(text, &said) != nil {
		return "", false
	}
	if said.NextCursor != nil {
		cursor = *said.NextCursor
	}
	switch {
	case said.HasMore != nil && !*said.HasMore:
		return "", true
	case said.HasMore != nil && cursor == "":
		return "", false
	}
	return cursor, len(cursor) <= maxCursor
}

// explained says of an error of our own what the answer was.
func explained(err error) error {
	var cause token.Cause
	switch {
	case errors.Is(err, errRow):
		cause = token.CauseUnexpected
	case errors.Is(err, errRows):
		cause = token.CauseTooLarge
	default:
		return err
	}
	failure := *token.AsFailure(err)
	failure.Cause = cause
	return &failure
}
