package pace

import (
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Scope says what a bucket counts for.
type Scope int

// The scopes.
const (
	Account  Scope = iota
	Instance       // all calls about one app instance and what is in it
	Bearer         // all calls on behalf of one app instance user
	Channel
	User // all calls about one app instance user
)

func (s Scope) String() string {
	return [...]string{"account", "instance", "bearer", "channel", "user"}[s]
}

// Bucket is one limit: at most PerSecond calls of its operations may arrive in any sliding second, for each thing of its
// scope.
type Bucket struct {
	Name      string
	Scope     Scope
	Ops       []string // nil means every operation of the chat provider; STS is another service
	PerSecond int      // 0 means unlimited
}

// Ceilings say how many there may be. 0 means any number.
type Ceilings struct{ Instances, UsersPerInstance, MembersPerChannel int }

// Preset is a set of limits by name.
type Preset struct {
	Name     string
	Limit    string // for people
	Buckets  []Bucket
	Ceilings Ceilings
	Bearers  int // admin accounts that are worth having in an app instance: a channel takes more than one of them may do
}

// Presets returns the known limits. "none" is for an engine of our own; "case" is the ten requests a second that the
// original installation was held to; the others are Amazon's defaults by region ("Amazon Chime SDK endpoints and quotas",
// AWS General Reference).
func Presets() []Preset {
	amazons := Ceilings{Instances: 100, UsersPerInstance: 100_000, MembersPerChannel: 10_000}
	return []Preset{
		{Name: "none", Limit: "unlimited", Buckets: []Bucket{{Name: "all"}}, Bearers: 1},
		{Name: "case", Limit: "10/s", Buckets: []Bucket{{Name: "all", PerSecond: 10}}, Ceilings: amazons, Bearers: 1},
		{Name: "aws-us-east-1", Limit: "Amazon's in us-east-1", Buckets: amazon(10, 15, 30), Ceilings: amazons, Bearers: 2},
		{Name: "aws-eu-central-1", Limit: "Amazon's in eu-central-1", Buckets: amazon(5, 10, 10), Ceilings: amazons, Bearers: 2},
	}
}

// Named returns the preset of a name; "" is "none".
func Named(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name || (name == "" && p.Name == "none") {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fault.New(fault.Invalid, "unknown_pace", "unknown pace %q: choose one of %s", name, strings.Join(names, ", "))
}

// amazon is what the regions have in common, and the three limits in which they differ. Instance-writes are published as a
// limit per app instance; one that does not exist yet has none, so they count for the account here.
func amazon(bearer, memberWrites, messages int) []Bucket {
	return []Bucket{
		{"identity", Account, identityOps(), 50},
		{"instance-writes", Account, []string{"CreateAppInstance", "UpdateAppInstance", "DeleteAppInstance"}, 5},
		{"instance-list", Account, []string{"ListAppInstances"}, 10},
		{"user-writes", Instance, []string{"CreateAppInstanceUser", "UpdateAppInstanceUser", "DeleteAppInstanceUser"}, 10},
		{"user-list", Instance, []string{"ListAppInstanceUsers"}, 10},
		{"user-describe", User, []string{"DescribeAppInstanceUser"}, 20},
		{"channel-writes", Instance, []string{"CreateChannel", "UpdateChannel", "DeleteChannel"}, 15},
		{"channel-list", Instance, []string{"ListChannels"}, 10},
		{"bearer", Bearer, bearerOps(), bearer},
		{"member-writes", Channel, []string{"CreateChannelMembership", "DeleteChannelMembership", "CreateChannelBan", "DeleteChannelBan",
			"CreateChannelModerator", "DeleteChannelModerator"}, memberWrites},
		{"member-lists", Channel, []string{"ListChannelMemberships", "ListChannelBans", "ListChannelModerators"}, 15},
		{"batch", Channel, []string{"BatchCreateChannelMembership"}, 1},
		{"messages", Channel, []string{"SendChannelMessage", "UpdateChannelMessage", "RedactChannelMessage", "DeleteChannelMessage"}, messages},
		{"message-list", Channel, []string{"ListChannelMessages"}, 30},
		{"message-get", Channel, []string{"GetChannelMessage"}, 30},
	}
}

// identityOps are the operations of the identity service, which all share the account's fifty a second.
func identityOps() []string {
	return []string{
		"CreateAppInstance", "CreateAppInstanceAdmin", "CreateAppInstanceBot", "CreateAppInstanceUser", "DeleteAppInstance",
		"DeleteAppInstanceAdmin", "DeleteAppInstanceBot", "DeleteAppInstanceUser", "DeregisterAppInstanceUserEndpoint",
		"DescribeAppInstance", "DescribeAppInstanceAdmin", "DescribeAppInstanceBot", "DescribeAppInstanceUser",
		"DescribeAppInstanceUserEndpoint", "GetAppInstanceRetentionSettings", "ListAppInstanceAdmins", "ListAppInstanceBots",
		"ListAppInstanceUserEndpoints", "ListAppInstanceUsers", "ListAppInstances", "ListTagsForResource",
		"PutAppInstanceRetentionSettings", "PutAppInstanceUserExpirationSettings", "RegisterAppInstanceUserEndpoint",
		"TagResource", "UntagResource", "UpdateAppInstance", "UpdateAppInstanceBot", "UpdateAppInstanceUser",
		"UpdateAppInstanceUserEndpoint",
	}
}

// bearerOps are the operations of the messaging service that are done on behalf of an app instance user.
func bearerOps() []string {
	return []string{
		"AssociateChannelFlow", "BatchCreateChannelMembership", "CreateChannel", "CreateChannelBan",
		"CreateChannelMembership", "CreateChannelModerator", "DeleteChannel", "DeleteChannelBan", "DeleteChannelMembership",
		"DeleteChannelMessage", "DeleteChannelModerator", "DescribeChannel", "DescribeChannelBan",
		"DescribeChannelMembership", "DescribeChannelMembershipForAppInstanceUser",
		"DescribeChannelModeratedByAppInstanceUser", "DescribeChannelModerator", "DisassociateChannelFlow",
		"GetChannelMembershipPreferences", "GetChannelMessage", "GetChannelMessageStatus", "ListChannelBans",
		"ListChannelMemberships", "ListChannelMembershipsForAppInstanceUser", "ListChannelMessages", "ListChannelModerators",
		"ListChannels", "ListChannelsModeratedByAppInstanceUser", "ListSubChannels", "PutChannelExpirationSettings",
		"PutChannelMembershipPreferences", "RedactChannelMessage", "SearchChannels", "SendChannelMessage", "UpdateChannel",
		"UpdateChannelMessage", "UpdateChannelReadMarker",
	}
}
