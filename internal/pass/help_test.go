package pass_test

import (
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/pass"
)

func credentials(p *pass.Pass) chime.Credentials {
	c := p.Credentials
	return chime.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expires: c.ExpiresAt}
}
