package rest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
)

const (
	// MaxBody bounds the answer to a list: room for MaxRows rows of a usual size.
	MaxBody = 64 << 20
	// MaxRow bounds one row of a list, and the answer to everything but a list.
	MaxRow = 256 << 10
	// MaxRows bounds the rows of a list.
	MaxRows = 100_000
	// MaxRefusal bounds what is looked at of a refusal.
	MaxRefusal = 16 << 10
)

var (
	errTooLarge = errors.New("the answer is too large")
	errShape    = errors.New("the answer has another shape")
)

// isJSON tells whether a Content-Type says JSON. Whoever answers in the vendor's place, a proxy's login page above all,
// says something else.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// meter is a reader that stops with errTooLarge where a row or the whole is larger than allowed. json.Decoder keeps a value
// in memory as a whole before it looks at it, so that the bound must lie below it.
type meter struct {
	source io.Reader
	row    int
	body   int
	// err is the first error of the source that is not its end.
	err error
}

func newMeter(source io.Reader, body int) *meter {
	return &meter{source: source, row: MaxRow, body: body}
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	room := min(m.row, m.body, len(p))
	if room == 0 && len(p) > 0 {
		m.err = errTooLarge
		return 0, m.err
	}
	n, err := m.source.Read(p[:room])
	m.row -= n
	m.body -= n
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

func (m *meter) nextRow() { m.row = MaxRow }

// decodeObject reads exactly one JSON value.
func decodeObject(m *meter, into any) error {
	decoder := json.NewDecoder(m)
	if err := decoder.Decode(into); err != nil {
		return err
	}
	return end(decoder)
}

// decodeRows reads exactly one JSON array, a row at a time. An error of yield is returned as it is.
func decodeRows[T any](m *meter, yield func(T) error) error {
	decoder := json.NewDecoder(m)
	if err := delimiter(decoder, '['); err != nil {
		return err
	}
	if err := decodeItems(m, decoder, yield); err != nil {
		return err
	}
	return end(decoder)
}

// decodeRowsOrNull is decodeRows for a list that may be null.
func decodeRowsOrNull[T any](m *meter, yield func(T) error) error {
	decoder := json.NewDecoder(m)
	opening, err := decoder.Token()
	switch {
	case err != nil:
		return err
	case opening == nil:
		return end(decoder)
	case opening != json.Delim('['):
		return errShape
	}
	if err := decodeItems(m, decoder, yield); err != nil {
		return err
	}
	return end(decoder)
}

// decodeItems reads an array behind its opening bracket.
func decodeItems[T any](m *meter, decoder *json.Decoder, yield func(T) error) error {
	m.nextRow()
	for count := 0; decoder.More(); count++ {
		if count == MaxRows {
			return errTooLarge
		}
		if err := decodeRow(m, decoder, yield); err != nil {
			return err
		}
	}
	if err := delimiter(decoder, ']'); err != nil {
		return err
	}
	m.nextRow()
	return nil
}

func decodeRow[T any](m *meter, decoder *json.Decoder, yield func(T) error) error {
	var row T
	begin := decoder.InputOffset()
	if err := decoder.Decode(&row); err != nil {
		return err
	}
	// The decoder reads ahead, so that what it was fed since the last row is not all of this one.
	if decoder.InputOffset()-begin > MaxRow {
		return errTooLarge
	}
	m.nextRow()
	if err := yield(row); err != nil {
		return &stopped{err}
	}
	return nil
}

func delimiter(decoder *json.Decoder, want json.Delim) error {
	read, err := decoder.Token()
	if err != nil {
		return err
	}
	if read != want {
		return errShape
	}
	return nil
}

// end makes sure that nothing follows.
func end(decoder *json.Decoder) error {
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errShape
	}
	return nil
}

// stopped carries an error of the caller's own function through the decoder.
type stopped struct{ error }

// Unwrap implements errors.Unwrap.
func (s *stopped) Unwrap() error { return s.error }
