package stage

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"iter"
	"maps"
	"net/http"
	"strings"
)

// Answer is what a vendor says to a call.
type Answer struct {
	Status int
	// Header is sent beside Date and, where there is a body, a Content-Type of application/json; it may replace the
	// latter, or with nil take it away.
	Header http.Header
	// Write writes the body. It runs outside the mutex, so that a slow client holds up nobody.
	Write func(io.Writer) error
}

// JSON is an answer whose body is one JSON value.
func JSON(status int, value any) Answer {
	return Answer{Status: status, Write: func(w io.Writer) error {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}}
}

// Empty is an answer without a body, and without a Content-Type.
func Empty(status int) Answer {
	return Answer{
		Status: status,
		Header: http.Header{"Content-Type": nil},
		Write:  func(io.Writer) error { return nil },
	}
}

// Rows is an answer whose body is a JSON array, written row by row. The rows must not change any more.
func Rows[T any](status int, rows iter.Seq[T]) Answer {
	return Answer{Status: status, Write: func(w io.Writer) error {
		separator := "["
		for row := range rows {
			text, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, separator+string(text)); err != nil {
				return err
			}
			separator = ","
		}
		_, err := io.WriteString(w, strings.TrimSuffix(separator, ",")+"]")
		return err
	}}
}

// page is a web page in place of an answer.
func page() Answer {
	return Answer{
		Status: http.StatusOK,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>\n")
			return err
		},
	}
}

// send writes the answer, distorted as the call's fault says.
func (x *exchange) send(answer Answer) error {
	fault := x.call.Fault
	if bodiless(answer.Status) && fault.Kind.distorts() {
		answer = Answer{Status: http.StatusOK, Write: func(w io.Writer) error {
			_, err := w.Write(x.hollow())
			return err
		}}
	}
	now := x.settle(answer.Status)
	if fault.Kind == ClockSkew {
		now = now.Add(fault.Delay)
	}
	header := x.w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Date", now.Format(http.TimeFormat))
	maps.Copy(header, answer.Header)
	if fault.Kind == WrongContentType {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if bodiless(answer.Status) {
		header.Del("Content-Type")
		x.w.WriteHeader(answer.Status)
		return nil
	}
	x.w.WriteHeader(answer.Status)
	return x.sendBody(answer)
}

// bodiless says whether HTTP has no body with the status.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// hollow is the smallest answer that can be blown up.
func (x *exchange) hollow() []byte {
	if x.route.Hollow != "" {
		return []byte(x.route.Hollow)
	}
	return []byte(`[{"` + x.route.Grows + `":""}]`)
}

func (x *exchange) sendBody(answer Answer) error {
	if !x.call.Fault.Kind.distorts() {
		return buffered(x.w, answer.Write)
	}
	var whole bytes.Buffer
	if err := answer.Write(&whole); err != nil {
		return err
	}
	text := whole.Bytes()
	if len(text) == 0 {
		text = x.hollow()
	}
	switch x.call.Fault.Kind {
	case TruncatedBody:
		return x.truncate(text)
	case MalformedJSON:
		_, err := x.w.Write(text[:len(text)-1])
		return err
	case HugeRow:
		item := `"` + strings.Repeat("x", 1021) + `",`
		return x.splice(text, cmp.Or(x.route.Row, "{"), `"labels":[`, item, `""],`)
	default:
		return x.splice(text, `"`+x.route.Grows+`":"`, "", strings.Repeat("x", 1024), "")
	}
}

// truncate sends half of the text and makes sure that the client gets it before the cut.
func (x *exchange) truncate(text []byte) error {
	if _, err := x.w.Write(text[:len(text)/2]); err != nil {
		return err
	}
	if err := http.NewResponseController(x.w).Flush(); err != nil {
		return err
	}
	return errCut
}

// splice puts HugeSize bytes of the 1 KiB item, between opening and closing, behind the first anchor in the text. A
// text without the anchor (an empty list) gives way to the hollow one.
func (x *exchange) splice(text []byte, anchor, opening, item, closing string) error {
	at := bytes.Index(text, []byte(anchor))
	if at < 0 {
		text = x.hollow()
		at = bytes.Index(text, []byte(anchor))
	}
	at += len(anchor)
	return buffered(x.w, func(w io.Writer) error {
		if _, err := io.WriteString(w, string(text[:at])+opening); err != nil {
			return err
		}
		for range HugeSize / len(item) {
			if _, err := io.WriteString(w, item); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, closing+string(text[at:]))
		return err
	})
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	buffer := bufio.NewWriterSize(w, 64<<10)
	if err := write(buffer); err != nil {
		return err
	}
	return buffer.Flush()
}
