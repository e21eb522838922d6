package app

import (
	"io"
	"log"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	uberzap "go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// SetupLogging sends every library's log to one place, at no more than MaxLogLevel.
func SetupLogging(options Options, to io.Writer) logr.Logger {
	level := uberzap.NewAtomicLevelAt(zapcore.Level(-min(max(options.LogLevel, 0), MaxLogLevel)))
	logger := zap.New(zap.WriteTo(to), zap.UseDevMode(false), zap.Level(level), func(o *zap.Options) {
		if options.LogFormat == "console" {
			zap.ConsoleEncoder()(o)
		}
	})
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	// net/http tells the standard logger of bytes that a server sent unasked, and shows them.
	log.SetOutput(io.Discard)
	return logger
}
