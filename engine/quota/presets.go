package quota

// The names of the buckets.
const (
	all              = "all"
	bearer           = "bearer"
	channelWrites    = "channel-writes"
	channelList      = "channel-list"
	channelDescribe  = "channel-describe"
	memberWrites     = "member-writes"
	memberLists      = "member-lists"
	batch            = "batch"
	messages         = "messages"
	messageList      = "message-list"
	messageGet       = "message-get"
	userLists        = "user-lists"
	subChannelList   = "sub-channel-list"
	connect          = "connect"
	identity         = "identity"
	instanceWrites   = "instance-writes"
	instanceDescribe = "instance-describe"
	instanceList     = "instance-list"
	userWrites       = "user-writes"
	userDescribe     = "user-describe"
	userList         = "user-list"
	sts              = "sts"
)

// presets are the limits that have a name.
//
//   - none: nothing is counted.
//   - case: ten calls a second for everything that an account does, what one live-show platform was held to.
//   - aws-…: "Amazon Chime SDK endpoints and quotas" in the AWS General Reference, defaults per region, and STS's 600 a
//     second and account (IAM quotas). Bursts are not published. Membership writes in an elastic channel may be twice as
//     fast in us-east-1 (30/s); here they are not.
func presets() []Limits {
	return []Limits{
		{Name: "none"},
		{Name: "case", Buckets: []Bucket{{Name: all, Scope: Account, Rate: 10}}},
		amazon("aws-us-east-1", []Bucket{
			{Name: bearer, Scope: Bearer, Rate: 10},
			{Name: memberWrites, Scope: Channel, Rate: 15},
			{Name: messages, Scope: SubChannel, Rate: 30},
			{Name: subChannelList, Scope: Channel, Rate: 15},
		}, map[Resource]int{
			ElasticChannels:       1,
			SubChannels:           100,
			SubChannelMemberships: 1000,
		}),
		amazon("aws-eu-central-1", []Bucket{
			{Name: bearer, Scope: Bearer, Rate: 5},
			{Name: memberWrites, Scope: Channel, Rate: 10},
			{Name: messages, Scope: SubChannel, Rate: 10},
		}, nil),
	}
}

// amazon adds to a region's own limits those that all regions have.
func amazon(name string, buckets []Bucket, resources map[Resource]int) Limits {
	l := Limits{Name: name, Buckets: append(buckets, []Bucket{
		{Name: channelWrites, Scope: AppInstance, Rate: 15},
		{Name: channelList, Scope: AppInstance, Rate: 10},
		{Name: channelDescribe, Scope: Channel, Rate: 20},
		{Name: memberLists, Scope: Channel, Rate: 15},
		{Name: batch, Scope: Channel, Rate: 1},
		{Name: messageList, Scope: SubChannel, Rate: 30},
		{Name: messageGet, Scope: SubChannel, Rate: 30},
		{Name: userLists, Scope: User, Rate: 15},
		{Name: connect, Scope: User, Rate: 1},
		{Name: identity, Scope: Account, Rate: 50},
		{Name: instanceWrites, Scope: AppInstance, Rate: 5},
		{Name: instanceDescribe, Scope: AppInstance, Rate: 20},
		{Name: instanceList, Scope: Account, Rate: 10},
		{Name: userWrites, Scope: AppInstance, Rate: 10},
		{Name: userDescribe, Scope: User, Rate: 20},
		{Name: userList, Scope: AppInstance, Rate: 10},
		{Name: sts, Scope: Account, Rate: 600},
	}...), Resources: map[Resource]int{
		AppInstances:          100,
		Users:                 100_000,
		Admins:                100,
		Endpoints:             10,
		Channels:              10_000_000,
		MembershipsPerChannel: 10_000,
		MembershipsPerUser:    20_000,
		Moderators:            1000,
		ChannelFlows:          100,
		FlowProcessors:        1,
		Connections:           10,
	}}
	for r, most := range resources {
		l.Resources[r] = most
	}
	return l
}
