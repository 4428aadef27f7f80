package iam_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/iam"
)

// BenchmarkRemembered is what a ticket holder's credentials take in memory beside the session; 1,000 of them, or the cache
// forgets (-benchtime 1000x).
func BenchmarkRemembered(b *testing.B) {
	a, root := benchAuthority(b)
	const fan = "arn:aws:chime:us-east-1:" + account + ":app-instance/7f3b2d1e-4c5a-4b6d-8e7f-9a0b1c2d3e4f"
	tokens := make([]*iam.Credentials, b.N)
	for i := range tokens {
		me := fmt.Sprintf("%s/user/%s-%08d", fan, "f", i)
		policy := strings.NewReplacer("ME", me, "CH", fan+"/channel/0a1b2c3d4e5f6071").Replace(`{"Version":"2012-10-17","Statement":[` +
			`{"Effect":"Allow","Action":["chime:GetMessagingSessionEndpoint"],"Resource":"*"},` +
			`{"Effect":"Allow","Action":["chime:Connect"],"Resource":"ME"},` +
			`{"Effect":"Allow","Action":["chime:SendChannelMessage","chime:ListChannelMessages","chime:GetChannelMessage"],"Resource":["ME","CH"]}]}`)
		var err error
		if tokens[i], err = a.AssumeRole(root, iam.Request{RoleARN: fanRole, SessionName: fmt.Sprint("tk", i), Policy: policy}, now); err != nil {
			b.Fatal(err)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	b.ResetTimer()
	for _, c := range tokens {
		if _, _, err := a.Lookup(c.AccessKeyID, c.SessionToken, now); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/float64(b.N), "B/token")
	b.ReportMetric(float64(len(tokens[0].SessionToken)), "token-B")
	runtime.KeepAlive(tokens)
	runtime.KeepAlive(a)
}
