// Command crash tells stories of GatewayTokens at every vendor, and has everything go wrong at every point of them.
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatewaytoken/gateway-token-operator/internal/app"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// connect makes clients as the operator does, allowed to call loopback addresses.
func connect(wire harness.Wire) issuer.Connect {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.Connect(app.Options{AllowCIDRs: loopback, RequestTimeout: wire.Timeout, HostPerSecond: 50}, wire.Now, wire.Sleep)
}

func main() {
	log.SetLogger(logr.Discard())
	plane, err := harness.Model(".")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if path := os.Getenv("CPUPROFILE"); path != "" {
		f, _ := os.Create(path)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	type job struct {
		at   vendor
		told scenario
		hit  hit
		desc string
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	runs, bad := 0, 0
	for range 3 {
		wg.Go(func() {
			for j := range jobs {
				r := perform(context.Background(), plane, j.told, j.at, j.hit)
				mu.Lock()
				runs++
				if len(r.violations) > 0 {
					bad++
					fmt.Printf("%s / %s / %s @%d %s\n", j.at.name, j.told.name, j.hit.fault.name, j.hit.at, j.desc)
					for _, v := range r.violations {
						fmt.Printf("     %.400s\n", v)
					}
					if os.Getenv("STORY") != "" {
						fmt.Println(r.story)
					}
				}
				mu.Unlock()
			}
		})
	}
	for _, at := range vendors() {
		if only := os.Getenv("VENDOR"); only != "" && only != at.name {
			continue
		}
		for _, told := range scenarios() {
			if told.at != nil && !told.at(at) || os.Getenv("SCENARIO") != "" && !strings.Contains(","+os.Getenv("SCENARIO")+",", ","+told.name+",") {
				continue
			}
			result := perform(context.Background(), plane, told, at)
			fmt.Println(at.name, told.name, len(result.effects)-result.from, result.calmLists-result.fromLists, result.violations)
			for _, e := range result.effects[result.from:] {
				for _, f := range faults() {
					if f.on != nil && !f.on(e, at) || os.Getenv("FAULT") != "" && os.Getenv("FAULT") != f.name {
						continue
					}
					jobs <- job{at, told, hit{f, e.Number}, e.String()}
				}
			}
			for l := result.fromLists + 1; l <= result.calmLists; l++ {
				for _, f := range append(listFaults(), switched()) {
					if os.Getenv("FAULT") != "" && os.Getenv("FAULT") != f.name {
						continue
					}
					jobs <- job{at, told, hit{f, l}, "list"}
				}
			}
		}
	}
	close(jobs)
	wg.Wait()
	fmt.Println(runs, "runs", bad, "bad", time.Since(began))
}
