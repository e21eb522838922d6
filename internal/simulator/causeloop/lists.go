package causeloop

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// row is an object of a list, and when it was made: no two rows are of the same moment.
type row struct {
	at     time.Time
	object any
}

// wanted is the part of a list that a call asks for.
type wanted struct {
	limit       int
	oldestFirst bool
	// after is the last row that the caller has; zero for none.
	after time.Time
}

// wants reads the query of a list; refused if it asks for what cannot be.
func (s Switches) wants(query url.Values) (w wanted, refusal stage.Answer, refused bool) {
	w.limit = s.PageSize
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > 100 {
			return w, invalid("limit", "must lie between 1 and 100"), true
		}
		w.limit = limit
	}
	w.limit = min(w.limit, s.MaxPageSize)
	switch query.Get("sort") {
	case "", "-created_at":
	case "created_at":
		w.oldestFirst = true
	default:
		return w, invalid("sort", "must be created_at or -created_at"), true
	}
	if cursor := query.Get("cursor"); cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		nanoseconds, badNumber := strconv.ParseInt(string(text), 10, 64)
		if err != nil || badNumber != nil {
			return w, refuse(http.StatusBadRequest, "malformed cursor token"), true
		}
		w.after = time.Unix(0, nanoseconds)
	}
	return w, refusal, false
}

func cursorAt(at time.Time) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixNano(), 10)))
}

// list answers with the rows, or the page of them that the call asks for.
func (s Switches) list(rows []row, query url.Values) stage.Answer {
	w, refusal, refused := s.wants(query)
	switch {
	case s.ListShape == ListPages && refused:
		return refusal
	case s.ListShape == ListPages:
		return w.page(rows)
	case s.ListShape == ListData:
		return stage.JSON(http.StatusOK, page{Data: objects(newestFirst(rows))})
	default:
		return stage.JSON(http.StatusOK, objects(newestFirst(rows)))
	}
}

func (w wanted) page(rows []row) stage.Answer {
	sorted := newestFirst(rows)
	if w.oldestFirst {
		slices.Reverse(sorted)
	}
	rest := sorted
	if !w.after.IsZero() {
		rest = slices.DeleteFunc(slices.Clone(sorted), func(r row) bool { return !w.isBehind(r) })
	}
	info := pageObject{Total: len(rows), HasMore: len(rest) > w.limit}
	shown := rest[:min(w.limit, len(rest))]
	if info.HasMore {
		next := cursorAt(shown[len(shown)-1].at)
		info.NextCursor = &next
	}
	return stage.JSON(http.StatusOK, page{Data: objects(shown), Page: &info})
}

// isBehind says whether a row comes after what the caller has.
func (w wanted) isBehind(r row) bool {
	if w.oldestFirst {
		return r.at.After(w.after)
	}
	return r.at.Before(w.after)
}

func newestFirst(rows []row) []row {
	return slices.SortedFunc(slices.Values(rows), func(a, b row) int { return cmp.Compare(b.at.UnixNano(), a.at.UnixNano()) })
}

func objects(rows []row) []any {
	found := make([]any, 0, len(rows))
	for _, r := range rows {
		found = append(found, r.object)
	}
	return found
}

// shows says whether a list under the fault shows a token, and as what.
func (v *Vendor) shows(t *token, fault stage.Hit, now time.Time) (shown token, listed bool) {
	listed, over := fault.Sees(t.createdAt, t.revokedAt, now)
	shown = *t
	if !over {
		shown.revokedAt = time.Time{}
	}
	switch {
	case t.own && !v.switches.AccountsListed:
		listed = false
	case over && !v.switches.RevokedListed:
		listed = false
	case shown.state(now) == Expired && !v.switches.ExpiredListed:
		listed = false
	}
	return shown, listed
}

// prepareList answers with personal tokens.
func (v *Vendor) prepareList(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		var rows []row
		for _, t := range v.tokens {
			shown, listed := v.shows(t, call.Fault, now)
			seen := t.member == caller.member || (t.member != nil && v.switches.OthersListed)
			if listed && seen && t.workspaceID == caller.workspaceID {
				rows = append(rows, row{at: t.createdAt, object: shown.object()})
			}
		}
		return v.switches.list(rows, call.Request.URL.Query())
	}
}

// prepareListAccounts answers with service accounts.
func (v *Vendor) prepareListAccounts(caller *token, call stage.Call) stage.Commit {
	return func(now time.Time) stage.Answer {
		var rows []row
		for _, m := range v.machines {
			listed, over := call.Fault.Sees(m.createdAt, m.deletedAt, now)
			if listed && !over && m.workspaceID == caller.workspaceID && (!m.own || v.switches.AccountsListed) {
				rows = append(rows, row{at: m.createdAt, object: v.withTokens(m, call.Fault, now)})
			}
		}
		return v.switches.list(rows, call.Request.URL.Query())
	}
}

// withTokens is a service account as the list shows it.
func (v *Vendor) withTokens(m *machine, fault stage.Hit, now time.Time) machineObject {
	object := m.object()
	if !v.switches.AccountTokensEmbedded {
		return object
	}
	tokens := []tokenObject{}
	for _, t := range v.tokens {
		if shown, listed := v.shows(t, fault, now); listed && t.machine == m {
			tokens = append(tokens, shown.object())
		}
	}
	object.Tokens = &tokens
	return object
}
