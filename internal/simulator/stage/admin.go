package stage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Nothing is the body of an admin call that has none.
type Nothing struct{}

// Admin makes a route of the admin API from a function: its input is the JSON body (unknown fields are refused), its
// result the JSON answer. ErrNotFound becomes 404, any other error 400. Admin calls meet no faults and are not counted.
func Admin[In, Out any](serve func(r *http.Request, in In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := decode(w, r, &in)
		var out Out
		if err == nil {
			out, err = serve(r, in)
		}
		answer := JSON(http.StatusOK, out)
		switch {
		case errors.Is(err, ErrNotFound):
			answer = JSON(http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			answer = JSON(http.StatusBadRequest, map[string]string{"error": err.Error()})
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Status)
		if err := answer.Write(w); err != nil {
			panic(http.ErrAbortHandler) // the client left
		}
	})
}

// Merge changes the fields of the value that the JSON text names and leaves the others.
func Merge[T any](value T, text json.RawMessage) (T, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		return value, fmt.Errorf("body: %w", err)
	}
	return value, nil
}

func decode(w http.ResponseWriter, r *http.Request, in any) error {
	if _, none := in.(*Nothing); none {
		return nil
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(in); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: more than one JSON value")
	}
	return nil
}
