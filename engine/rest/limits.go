package rest

import (
	"cmp"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// about says what a call is about, for its limits: the members of its input that name something, and the app instance that
// the first of them belongs to. A list that names no user is the bearer's own.
func about(who *iam.Principal, p *plan, input any, c Call) quota.Keys {
	k := quota.Keys{Account: who.Account, Bearer: string(c.Bearer), Channel: p.text(input, "ChannelArn"),
		SubChannel: p.text(input, "SubChannelId"), User: cmp.Or(p.text(input, "AppInstanceUserArn"), string(c.Bearer))}
	within := arn.ARN(cmp.Or(p.text(input, "AppInstanceArn"), k.Channel, k.User))
	k.AppInstance = string(within.AppInstance())
	return k
}
