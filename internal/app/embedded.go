package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// CheckEmbedded checks that what the image does not hold is in the binary: certificate authorities and time zones.
func CheckEmbedded() error {
	roots, err := x509.SystemCertPool()
	if err != nil || roots.Equal(x509.NewCertPool()) {
		return errors.New("there are no certificate authorities, neither on this machine nor in the binary")
	}
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		return fmt.Errorf("there are no time zones, neither on this machine nor in the binary: %w", err)
	}
	return nil
}
