// Package role is the table of who may do what: admin, moderator, member or stranger, for every operation on behalf of
// a user (Amazon Chime SDK developer guide, "Authorization by role"). IAM has allowed the call before it comes here.
package role

// Grant is what a role may do with an operation.
type Grant uint8

// The grants. The conditions are about the thing acted on, see Actor.May.
const (
	No      Grant = iota
	Yes           // always
	Own           // only on oneself or one's own message
	Public        // only in a PUBLIC channel
	Open          // only in an UNRESTRICTED channel
	OwnOpen       // on oneself anywhere, on others only in an UNRESTRICTED channel
	Join          // only oneself, into a PUBLIC and UNRESTRICTED channel
	InSight       // only with a DEFAULT membership: hidden members watch, they do not speak
)

func (g Grant) String() string {
	return [...]string{"no", "yes", "own", "public", "unrestricted", "own or unrestricted", "join", "default"}[g]
}

// Rule says what each role may do. Somebody who holds several roles may do what any of them may.
type Rule struct{ Admin, Moderator, Member, Stranger Grant }

// Rules is the role table of the developer guide ("Authorization by role") for operations on behalf of a user.
// Decisions where the guide contradicts itself or is silent: members of a private channel may describe it; strangers
// may add themselves to a public, unrestricted channel (the vendor's own demo does); members may remove others only
// where they may add them; deleting a message is for admins alone; who may change a channel may say when it expires.
var Rules = map[string]Rule{
	"DescribeChannel": {Yes, Yes, Yes, Public},
	"UpdateChannel":   {Yes, Yes, No, No},
	"DeleteChannel":   {Yes, Yes, No, No},
	"CreateChannel":   {Yes, Yes, Yes, Yes},
	"ListChannels":    {Yes, Yes, Yes, Yes},
	PrivateChannels:   {Yes, No, No, No},

	"CreateChannelMembership":      {Yes, Yes, Open, Join},
	"BatchCreateChannelMembership": {Yes, Yes, Open, Join},
	"DeleteChannelMembership":      {Yes, Yes, OwnOpen, No},
	"DescribeChannelMembership":    {Yes, Yes, Yes, Public},
	"ListChannelMemberships":       {Yes, Yes, Yes, Public},
	HiddenMembers:                  {Yes, Yes, No, No},

	"UpdateChannelReadMarker":         {No, No, Yes, No},
	"GetChannelMembershipPreferences": {No, No, Own, No}, // not even an admin reads or sets them for somebody else
	"PutChannelMembershipPreferences": {No, No, Own, No},

	"ListSubChannels":              {Yes, Yes, No, No},
	"PutChannelExpirationSettings": {Yes, Yes, No, No},
	"SearchChannels":               {Yes, Yes, Yes, Yes}, // in one's own channels; admins in all

	"ListChannelMembershipsForAppInstanceUser":    {Yes, Own, Own, Own},
	"DescribeChannelMembershipForAppInstanceUser": {Yes, Own, Own, Own},
	"ListChannelsModeratedByAppInstanceUser":      {Yes, Own, Own, Own},
	"DescribeChannelModeratedByAppInstanceUser":   {Yes, Own, Own, Own},

	"CreateChannelModerator":   {Yes, Yes, No, No},
	"DeleteChannelModerator":   {Yes, Yes, No, No},
	"DescribeChannelModerator": {Yes, Yes, No, No},
	"ListChannelModerators":    {Yes, Yes, No, No},

	"CreateChannelBan":   {Yes, Yes, No, No},
	"DeleteChannelBan":   {Yes, Yes, No, No},
	"DescribeChannelBan": {Yes, Yes, No, No},
	"ListChannelBans":    {Yes, Yes, No, No},

	"AssociateChannelFlow":    {Yes, Yes, No, No},
	"DisassociateChannelFlow": {Yes, Yes, No, No},

	"SendChannelMessage":      {No, No, InSight, No},
	"GetChannelMessage":       {Yes, Yes, Yes, Public},
	"ListChannelMessages":     {Yes, Yes, Yes, Public},
	"GetChannelMessageStatus": {Own, Own, Own, Own},
	"UpdateChannelMessage":    {Own, Own, Own, No},
	"RedactChannelMessage":    {Yes, Yes, Own, No},
	"DeleteChannelMessage":    {Yes, No, No, No},
}

// The two rows of Rules that are not operations but stricter forms of one: listing what is private or hidden.
const (
	PrivateChannels = "ListChannels:PRIVATE"
	HiddenMembers   = "ListChannelMemberships:HIDDEN"
)
