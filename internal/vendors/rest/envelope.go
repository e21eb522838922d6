package rest

import (
	"context"
	"encoding/json"
)

// Envelope is Rows for an answer that may also be an object with the array in one of its fields. It gives the other fields of
// the object, and none where the array came alone.
func Envelope[T any](
	ctx context.Context, c *Client, call Call, field string, yield func(T) error,
) (beside map[string]json.RawMessage, answer Answer, err error) {
	answer, err = c.do(ctx, call, MaxBody, func(m *meter) (err error) {
		beside, err = decodeEnvelope(m, field, yield)
		return err
	})
	return beside, answer, err
}

// decodeEnvelope reads exactly one JSON value: an object with the rows in one of its fields, whose other fields it gives, or
// the array alone. The fields before the rows together are bounded like a row, and so are those behind.
func decodeEnvelope[T any](m *meter, field string, yield func(T) error) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(m)
	opening, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	var beside map[string]json.RawMessage
	switch opening {
	case json.Delim('['):
		err = decodeItems(m, decoder, yield)
	case json.Delim('{'):
		beside, err = decodeFields(m, decoder, field, yield)
	default:
		err = errShape
	}
	if err != nil {
		return nil, err
	}
	return beside, end(decoder)
}

// decodeFields reads an object behind its opening bracket. It must have the rows, and no field twice: which of two would be
// the right one?
func decodeFields[T any](
	m *meter, decoder *json.Decoder, field string, yield func(T) error,
) (map[string]json.RawMessage, error) {
	seen, beside := map[string]bool{}, map[string]json.RawMessage{}
	for decoder.More() {
		name, err := fieldName(decoder)
		switch {
		case err != nil:
			return nil, err
		case seen[name]:
			return nil, errShape
		}
		seen[name] = true
		if name == field {
			err = decodeArray(m, decoder, yield)
		} else {
			beside[name], err = decodeRaw(decoder)
		}
		if err != nil {
			return nil, err
		}
	}
	if !seen[field] {
		return nil, errShape
	}
	return beside, delimiter(decoder, '}')
}

func fieldName(decoder *json.Decoder) (string, error) {
	read, err := decoder.Token()
	if err != nil {
		return "", err
	}
	name, ok := read.(string)
	if !ok {
		return "", errShape
	}
	return name, nil
}

func decodeArray[T any](m *meter, decoder *json.Decoder, yield func(T) error) error {
	if err := delimiter(decoder, '['); err != nil {
		return err
	}
	return decodeItems(m, decoder, yield)
}

func decodeRaw(decoder *json.Decoder) (value json.RawMessage, err error) {
	err = decoder.Decode(&value)
	return value, err
}
