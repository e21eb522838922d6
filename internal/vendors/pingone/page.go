package pingone

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

const (
	// maxPages bounds a list whose pages do not end: far more than five credentials need.
	maxPages = 100
	// maxLink bounds a link, in bytes.
	maxLink = 2048
)

// page is a part of a list in HAL, or the whole of it.
type page struct {
	Links struct {
		Next *struct {
			Href string `json:"href"`
		} `json:"next"`
	} `json:"_links"`
	Embedded struct {
		Credentials []row `json:"credentials"`
	} `json:"_embedded"`
	Count *int `json:"count"`
	Size  *int `json:"size"`
}

// rows is not ok where the answer has no list in it and does not say either that it is empty: whatever else it is, it is not the
// list of a gateway without credentials.
func (p page) rows() ([]row, bool) {
	return p.Embedded.Credentials, p.Embedded.Credentials != nil || isZero(p.Count) || isZero(p.Size)
}

func isZero(stated *int) bool { return stated != nil && *stated == 0 }

// complete fails where the last page says that there is more than was shown. Whether it counts the rows of all pages or its own,
// it cannot count more than that.
func (p page) complete(operation string, shown int) error {
	if p.Count != nil && *p.Count > shown {
		return unexpected(operation)
	}
	return nil
}

// turning goes from page to page of one list. A link that leads out of the list is not followed: the bearer goes with it. It can
// be followed no more often than maxPages says, and never in a circle.
type turning struct {
	list *url.URL
	// query is that of the page to ask for.
	query url.Values
	seen  map[string]bool
}

func (p *pool) firstPage() *turning {
	return &turning{list: p.client.base.JoinPath(p.credentials()...), seen: map[string]bool{"": true}}
}

// to turns to the page that a link leads to.
func (t *turning) to(operation, link string) error {
	query, ok := t.follow(link)
	switch {
	case !ok, t.seen[query.Encode()]:
		return unexpected(operation)
	case len(t.seen) == maxPages:
		return &token.Failure{Operation: operation, Class: token.Unavailable, Cause: token.CauseTooLarge, Status: http.StatusOK}
	}
	t.query, t.seen[query.Encode()] = query, true
	return nil
}

// follow gives the query of a link that leads to another page of the same list.
func (t *turning) follow(link string) (url.Values, bool) {
	if link == "" || len(link) > maxLink {
		return nil, false
	}
	target, err := t.list.Parse(link)
	if err != nil || target.User != nil || target.Fragment != "" || target.EscapedPath() != t.list.EscapedPath() {
		return nil, false
	}
	if origin(target) != origin(t.list) {
		return nil, false
	}
	query, err := url.ParseQuery(target.RawQuery)
	return query, err == nil
}

// origin is scheme, host and port, with the port that is not written.
func origin(of *url.URL) string {
	port := of.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[of.Scheme]
	}
	return of.Scheme + "://" + strings.ToLower(of.Hostname()) + ":" + port
}
