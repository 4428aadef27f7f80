package rest

import (
	"cmp"
	"reflect"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// about says what a call is about, for its limits: the members of its input that name something, and the app instance that
// the first of them belongs to. A list that names no user is the bearer's own.
func about(who *iam.Principal, input any, c Call) quota.Keys {
	k := quota.Keys{Account: who.Account, Bearer: string(c.Bearer), Channel: member(input, "ChannelArn"),
		SubChannel: member(input, "SubChannelId"), User: cmp.Or(member(input, "AppInstanceUserArn"), string(c.Bearer))}
	within := arn.ARN(cmp.Or(member(input, "AppInstanceArn"), k.Channel, k.User))
	k.AppInstance = string(within.AppInstance())
	return k
}

// member is a text member of an input structure, "" if it has none of that name.
func member(input any, name string) string {
	if v := reflect.ValueOf(input).Elem().FieldByName(name); v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}
