package quota

import (
	"strconv"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Resource is a kind of thing of which there may only be so many. Its text completes "the quota of 10 …".
type Resource string

// The resources that Amazon counts.
const (
	AppInstances          Resource = "app instances per account"
	Users                 Resource = "users per app instance"
	Admins                Resource = "admins per app instance"
	Endpoints             Resource = "endpoints per user"
	Channels              Resource = "channels per app instance"
	MembershipsPerChannel Resource = "memberships per channel"
	MembershipsPerUser    Resource = "memberships per user"
	Moderators            Resource = "moderators per channel"
	ChannelFlows          Resource = "channel flows per app instance"
	FlowProcessors        Resource = "processors per channel flow"
	Connections           Resource = "connections per user"
	ElasticChannels       Resource = "elastic channels per app instance"
	SubChannels           Resource = "sub-channels per elastic channel"
	SubChannelMemberships Resource = "memberships per sub-channel"
)

// CodeLimit is the fault code that the edge answers with ResourceLimitExceededException.
const CodeLimit = "resource_limit"

// Max is how many of r there may be; 0 means any number.
func (l Limits) Max(r Resource) int { return l.Resources[r] }

// Check says whether adding more of r fit beside those that exist. Read have and add in one transaction. Error: Invalid
// "resource_limit".
func (l Limits) Check(r Resource, have, adding int) error {
	most := l.Max(r)
	if most == 0 || adding <= 0 || have+adding <= most {
		return nil
	}
	return fault.New(fault.Invalid, CodeLimit, "The quota of %s %s is used up.", strconv.Itoa(most), string(r))
}
