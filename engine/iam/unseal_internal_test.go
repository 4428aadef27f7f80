package iam

import (
	"testing"
	"time"
)

// BenchmarkTokenNotSeenBefore is what each ticket holder's first request costs beside the signature.
func BenchmarkTokenNotSeenBefore(b *testing.B) {
	a, err := NewAuthority(Config{Region: "us-east-1", Account: "123456789012", AccessKeyID: "AKIAROOT", SecretAccessKey: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	const app = "arn:aws:chime:us-east-1:123456789012:app-instance/1b2c3d4e-0000-4000-8000-000000000000"
	c, err := a.AssumeRole(a.root, Request{RoleARN: "arn:aws:iam::123456789012:role/Fan", SessionName: "fan",
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage",` +
			`"chime:ListChannelMessages"],"Resource":["` + app + `/user/person-00001","` + app + `/channel/room"]}]}`}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o, err := a.unseal(c.AccessKeyID, c.SessionToken)
		if err != nil || !o.p.Allows("chime:Connect", app+"/user/person-00001") {
			b.Fatal(err)
		}
	}
}
