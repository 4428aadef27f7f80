package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/config"
)

func TestABadSettingOfTheEngineIsRefusedByTheNameOfItsFlag(t *testing.T) {
	file := filepath.Join(t.TempDir(), "some.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, c := range []struct {
		flag   string // "" for settings that are fine
		change func(*config.Engine)
	}{
		{"", func(*config.Engine) {}},
		{"", func(e *config.Engine) { e.Listen = ":8090" }},
		{"", func(e *config.Engine) { e.Listen = "[::1]:0" }},
		{"--listen", func(e *config.Engine) { e.Listen = "8090" }},
		{"--listen", func(e *config.Engine) { e.Listen = "http://127.0.0.1" }},
		{"", func(e *config.Engine) { e.Region = "eu-central-1" }},
		{"--region", func(e *config.Engine) { e.Region = "" }},
		{"--region", func(e *config.Engine) { e.Region = "Europe" }},
		{"", func(e *config.Engine) { e.PublicHost = "chat.example.org" }},
		{"", func(e *config.Engine) { e.PublicHost = "[2001:db8::1]:8443" }},
		{"--public-host", func(e *config.Engine) { e.PublicHost = "https://chat.example.org" }},
		{"--public-host", func(e *config.Engine) { e.PublicHost = "chat.example.org/x" }},
		{"--public-host", func(e *config.Engine) { e.PublicHost = ":8090" }},
		{"", func(e *config.Engine) { e.Origins = []string{"https://a.example", "http://localhost:5173"} }},
		{"--origins", func(e *config.Engine) { e.Origins = []string{"https://a.example/"} }},
		{"--origins", func(e *config.Engine) { e.Origins = []string{"https://a.example", "*"} }},
		{"", func(e *config.Engine) { e.KeyID, e.Secret = "AKIAIOSFODNN7EXAMPLE", "s" }},
		{"--access-key-id", func(e *config.Engine) { e.KeyID = "AKIAIOSFODNN7EXAMPLE" }},
		{"--access-key-id", func(e *config.Engine) { e.Secret = "s" }},
		{"--access-key-id", func(e *config.Engine) { e.KeyID, e.Secret = "AKIA/IOSFODNN7EXAMPLE", "s" }},
		{"", func(e *config.Engine) { e.TLS = true }},
		{"", func(e *config.Engine) { e.TLSCert, e.TLSKey = file, file }},
		{"--tls", func(e *config.Engine) { e.TLS, e.TLSCert, e.TLSKey = true, file, file }},
		{"--tls-key", func(e *config.Engine) { e.TLSCert = file }},
		{"--tls-cert", func(e *config.Engine) { e.TLSKey = file }},
		{"--tls-cert", func(e *config.Engine) { e.TLSCert, e.TLSKey = none, file }},
		{"--tls-key", func(e *config.Engine) { e.TLSCert, e.TLSKey = file, none }},
	} {
		e := config.Engine{Listen: "127.0.0.1:8090", Region: "us-east-1"}
		c.change(&e)
		err := e.Check()
		if (err == nil) != (c.flag == "") || err != nil && !strings.Contains(err.Error(), c.flag) {
			t.Errorf("%+v: %v, want an error about %q", e, err, c.flag)
		}
	}
}
