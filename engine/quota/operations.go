package quota

import "strings"

// Operations returns, for every operation, the buckets it takes from, space-separated. Those that a preset lacks do not
// count in it.
//
// Connect is the messaging session's upgrade. TagResource, UntagResource and ListTagsForResource belong to both services
// on one path; here they count as the identity service's, as does everything that no user's bearer stands behind there.
func Operations() map[string]string {
	return map[string]string{
		// Amazon Chime SDK Identity
		"CreateAppInstance":                    "all identity instance-writes",
		"CreateAppInstanceAdmin":               "all identity",
		"CreateAppInstanceBot":                 "all identity",
		"CreateAppInstanceUser":                "all identity user-writes",
		"DeleteAppInstance":                    "all identity instance-writes",
		"DeleteAppInstanceAdmin":               "all identity",
		"DeleteAppInstanceBot":                 "all identity",
		"DeleteAppInstanceUser":                "all identity user-writes",
		"DeregisterAppInstanceUserEndpoint":    "all identity",
		"DescribeAppInstance":                  "all identity instance-describe",
		"DescribeAppInstanceAdmin":             "all identity",
		"DescribeAppInstanceBot":               "all identity",
		"DescribeAppInstanceUser":              "all identity user-describe",
		"DescribeAppInstanceUserEndpoint":      "all identity",
		"GetAppInstanceRetentionSettings":      "all identity",
		"ListAppInstanceAdmins":                "all identity",
		"ListAppInstanceBots":                  "all identity",
		"ListAppInstanceUserEndpoints":         "all identity",
		"ListAppInstanceUsers":                 "all identity user-list",
		"ListAppInstances":                     "all identity instance-list",
		"ListTagsForResource":                  "all identity",
		"PutAppInstanceRetentionSettings":      "all identity",
		"PutAppInstanceUserExpirationSettings": "all identity",
		"RegisterAppInstanceUserEndpoint":      "all identity",
		"TagResource":                          "all identity",
		"UntagResource":                        "all identity",
		"UpdateAppInstance":                    "all identity instance-writes",
		"UpdateAppInstanceBot":                 "all identity",
		"UpdateAppInstanceUser":                "all identity user-writes",
		"UpdateAppInstanceUserEndpoint":        "all identity",

		// Amazon Chime SDK Messaging
		"AssociateChannelFlow":                        "all bearer",
		"BatchCreateChannelMembership":                "all bearer batch",
		"ChannelFlowCallback":                         "all messages",
		"CreateChannel":                               "all bearer channel-writes",
		"CreateChannelBan":                            "all bearer member-writes",
		"CreateChannelFlow":                           "all",
		"CreateChannelMembership":                     "all bearer member-writes",
		"CreateChannelModerator":                      "all bearer member-writes",
		"DeleteChannel":                               "all bearer channel-writes",
		"DeleteChannelBan":                            "all bearer member-writes",
		"DeleteChannelFlow":                           "all",
		"DeleteChannelMembership":                     "all bearer member-writes",
		"DeleteChannelMessage":                        "all bearer messages",
		"DeleteChannelModerator":                      "all bearer member-writes",
		"DeleteMessagingStreamingConfigurations":      "all",
		"DescribeChannel":                             "all bearer channel-describe",
		"DescribeChannelBan":                          "all bearer",
		"DescribeChannelFlow":                         "all",
		"DescribeChannelMembership":                   "all bearer",
		"DescribeChannelMembershipForAppInstanceUser": "all bearer",
		"DescribeChannelModeratedByAppInstanceUser":   "all bearer",
		"DescribeChannelModerator":                    "all bearer",
		"DisassociateChannelFlow":                     "all bearer",
		"GetChannelMembershipPreferences":             "all bearer",
		"GetChannelMessage":                           "all bearer message-get",
		"GetChannelMessageStatus":                     "all bearer",
		"GetMessagingSessionEndpoint":                 "all",
		"GetMessagingStreamingConfigurations":         "all",
		"ListChannelBans":                             "all bearer member-lists",
		"ListChannelFlows":                            "all",
		"ListChannelMemberships":                      "all bearer member-lists",
		"ListChannelMembershipsForAppInstanceUser":    "all bearer user-lists",
		"ListChannelMessages":                         "all bearer message-list",
		"ListChannelModerators":                       "all bearer member-lists",
		"ListChannels":                                "all bearer channel-list",
		"ListChannelsAssociatedWithChannelFlow":       "all",
		"ListChannelsModeratedByAppInstanceUser":      "all bearer user-lists",
		"ListSubChannels":                             "all bearer sub-channel-list",
		"PutChannelExpirationSettings":                "all bearer",
		"PutChannelMembershipPreferences":             "all bearer",
		"PutMessagingStreamingConfigurations":         "all",
		"RedactChannelMessage":                        "all bearer messages",
		"SearchChannels":                              "all bearer",
		"SendChannelMessage":                          "all bearer messages",
		"UpdateChannel":                               "all bearer channel-writes",
		"UpdateChannelFlow":                           "all",
		"UpdateChannelMessage":                        "all bearer messages",
		"UpdateChannelReadMarker":                     "all bearer",
		"Connect":                                     "all connect",

		// AWS STS
		"AssumeRole":                "all sts",
		"AssumeRoleWithWebIdentity": "all sts",
		"GetCallerIdentity":         "all sts",
	}
}

// bucketsOf resolves the table for a set of limits: the indexes of the buckets that each operation takes from.
func bucketsOf(l Limits) map[string][]int {
	index := map[string]int{}
	for i, b := range l.Buckets {
		index[b.Name] = i
	}
	out := map[string][]int{}
	for operation, names := range Operations() {
		for _, name := range strings.Fields(names) {
			if i, counted := index[name]; counted {
				out[operation] = append(out[operation], i)
			}
		}
	}
	return out
}
