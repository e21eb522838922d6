package controller_test

import (
	"testing"
)

func TestIssue(t *testing.T) {
	w := newWorld(t)
	_, object := w.Ask()
	w.Settle()
	t.Log(w.Story())
	w.WantReady(object)
	w.WantCreates(1)
	w.CheckRest()
}
