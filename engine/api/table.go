package api

import "net/http"

// operation is one row of the table: everything the dispatcher needs to know, as data.
type operation struct {
	name   string // also the IAM action after "chime:" and the row of the role table (engine/chat)
	method string
	path   string // "{name}" takes one segment, decoded; ARNs travel percent-encoded in one segment
	query  string // "key=value" that tells operations on one path apart; "" for the plain one
	status int    // of success

	bearer bearerRule
	models modelled // the exceptions it may answer besides the common ones
	on     string   // IAM resources that must all be allowed, as templates over input members; {Bearer} is the header
	do     *handler // nil: modelled, but not available yet
}

// bearerRule says whether the x-amz-chime-bearer header is needed.
type bearerRule bool

const (
	nobody bearerRule = false // a developer operation, authorised by IAM alone
	bearer bearerRule = true  // on behalf of an app instance user
)

// modelled is a set of the exceptions that not every operation has. All have BadRequest, Forbidden, ServiceFailure,
// ServiceUnavailable, ThrottledClient and UnauthorizedClient.
type modelled uint8

const (
	notFound modelled = 1 << iota
	conflict
	limit
)

// operations is every operation of the two services (API reference; the IAM resources are those of the service
// authorization reference). ListTagsForResource, TagResource and UntagResource belong to both services.
func operations() []operation {
	return []operation{
		// Amazon Chime SDK Identity, 2021-04-20
		{"CreateAppInstance", http.MethodPost, "/app-instances", "", 201, nobody, conflict | limit, "*", does((*server).createAppInstance)},
		{"CreateAppInstanceAdmin", http.MethodPost, "/app-instances/{appInstanceArn}/admins", "", 201, nobody, conflict | limit, "{AppInstanceArn} {AppInstanceAdminArn}", does((*server).createAppInstanceAdmin)},
		{"CreateAppInstanceBot", http.MethodPost, "/app-instance-bots", "", 201, nobody, conflict | limit, "", nil},
		{"CreateAppInstanceUser", http.MethodPost, "/app-instance-users", "", 201, nobody, conflict | limit, "{AppInstanceArn}/user/{AppInstanceUserId}", does((*server).createAppInstanceUser)},
		{"DeleteAppInstance", http.MethodDelete, "/app-instances/{appInstanceArn}", "", 204, nobody, limit, "{AppInstanceArn}", does((*server).deleteAppInstance)},
		{"DeleteAppInstanceAdmin", http.MethodDelete, "/app-instances/{appInstanceArn}/admins/{appInstanceAdminArn}", "", 204, nobody, conflict | limit, "{AppInstanceArn} {AppInstanceAdminArn}", does((*server).deleteAppInstanceAdmin)},
		{"DeleteAppInstanceBot", http.MethodDelete, "/app-instance-bots/{appInstanceBotArn}", "", 204, nobody, conflict | limit, "", nil},
		{"DeleteAppInstanceUser", http.MethodDelete, "/app-instance-users/{appInstanceUserArn}", "", 204, nobody, conflict | limit, "{AppInstanceUserArn}", does((*server).deleteAppInstanceUser)},
		{"DeregisterAppInstanceUserEndpoint", http.MethodDelete, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 204, nobody, 0, "", nil},
		{"DescribeAppInstance", http.MethodGet, "/app-instances/{appInstanceArn}", "", 200, nobody, 0, "{AppInstanceArn}", does((*server).describeAppInstance)},
		{"DescribeAppInstanceAdmin", http.MethodGet, "/app-instances/{appInstanceArn}/admins/{appInstanceAdminArn}", "", 200, nobody, 0, "{AppInstanceArn} {AppInstanceAdminArn}", does((*server).describeAppInstanceAdmin)},
		{"DescribeAppInstanceBot", http.MethodGet, "/app-instance-bots/{appInstanceBotArn}", "", 200, nobody, notFound, "", nil},
		{"DescribeAppInstanceUser", http.MethodGet, "/app-instance-users/{appInstanceUserArn}", "", 200, nobody, 0, "{AppInstanceUserArn}", does((*server).describeAppInstanceUser)},
		{"DescribeAppInstanceUserEndpoint", http.MethodGet, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 200, nobody, 0, "", nil},
		{"GetAppInstanceRetentionSettings", http.MethodGet, "/app-instances/{appInstanceArn}/retention-settings", "", 200, nobody, 0, "", nil},
		{"ListAppInstanceAdmins", http.MethodGet, "/app-instances/{appInstanceArn}/admins", "", 200, nobody, limit, "{AppInstanceArn} {AppInstanceArn}/user/*", does((*server).listAppInstanceAdmins)},
		{"ListAppInstanceBots", http.MethodGet, "/app-instance-bots", "", 200, nobody, limit, "", nil},
		{"ListAppInstanceUserEndpoints", http.MethodGet, "/app-instance-users/{appInstanceUserArn}/endpoints", "", 200, nobody, 0, "", nil},
		{"ListAppInstanceUsers", http.MethodGet, "/app-instance-users", "", 200, nobody, 0, "{AppInstanceArn}/user/*", does((*server).listAppInstanceUsers)},
		{"ListAppInstances", http.MethodGet, "/app-instances", "", 200, nobody, 0, "*", does((*server).listAppInstances)},
		{"ListTagsForResource", http.MethodGet, "/tags", "", 200, nobody, 0, "", nil},
		{"PutAppInstanceRetentionSettings", http.MethodPut, "/app-instances/{appInstanceArn}/retention-settings", "", 200, nobody, 0, "", nil},
		{"PutAppInstanceUserExpirationSettings", http.MethodPut, "/app-instance-users/{appInstanceUserArn}/expiration-settings", "", 200, nobody, conflict, "", nil},
		{"RegisterAppInstanceUserEndpoint", http.MethodPost, "/app-instance-users/{appInstanceUserArn}/endpoints", "", 201, nobody, conflict | limit, "", nil},
		{"TagResource", http.MethodPost, "/tags", "operation=tag-resource", 204, nobody, limit, "", nil},
		{"UntagResource", http.MethodPost, "/tags", "operation=untag-resource", 204, nobody, 0, "", nil},
		{"UpdateAppInstance", http.MethodPut, "/app-instances/{appInstanceArn}", "", 200, nobody, conflict, "{AppInstanceArn}", does((*server).updateAppInstance)},
		{"UpdateAppInstanceBot", http.MethodPut, "/app-instance-bots/{appInstanceBotArn}", "", 200, nobody, conflict | limit, "", nil},
		{"UpdateAppInstanceUser", http.MethodPut, "/app-instance-users/{appInstanceUserArn}", "", 200, nobody, conflict | limit, "{AppInstanceUserArn}", does((*server).updateAppInstanceUser)},
		{"UpdateAppInstanceUserEndpoint", http.MethodPut, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 200, nobody, conflict, "", nil},
		// Amazon Chime SDK Messaging, 2021-05-15
		{"AssociateChannelFlow", http.MethodPut, "/channels/{channelArn}/channel-flow", "", 200, bearer, notFound | conflict, "", nil},
		{"BatchCreateChannelMembership", http.MethodPost, "/channels/{channelArn}/memberships", "operation=batch-create", 200, bearer, notFound | limit, "{Bearer} {ChannelArn}", does((*server).batchCreateChannelMembership)},
		{"ChannelFlowCallback", http.MethodPost, "/channels/{channelArn}", "operation=channel-flow-callback", 200, nobody, conflict, "", nil},
		{"CreateChannel", http.MethodPost, "/channels", "", 201, bearer, conflict | limit, "{Bearer}", does((*server).createChannel)},
		{"CreateChannelBan", http.MethodPost, "/channels/{channelArn}/bans", "", 201, bearer, conflict | limit, "{Bearer} {ChannelArn}", does((*server).createChannelBan)},
		{"CreateChannelFlow", http.MethodPost, "/channel-flows", "", 201, nobody, conflict | limit, "", nil},
		{"CreateChannelMembership", http.MethodPost, "/channels/{channelArn}/memberships", "", 201, bearer, notFound | conflict | limit, "{Bearer} {ChannelArn}", does((*server).createChannelMembership)},
		{"CreateChannelModerator", http.MethodPost, "/channels/{channelArn}/moderators", "", 201, bearer, conflict | limit, "{Bearer} {ChannelArn}", does((*server).createChannelModerator)},
		{"DeleteChannel", http.MethodDelete, "/channels/{channelArn}", "", 204, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).deleteChannel)},
		{"DeleteChannelBan", http.MethodDelete, "/channels/{channelArn}/bans/{memberArn}", "", 204, bearer, 0, "{Bearer} {ChannelArn}", does((*server).deleteChannelBan)},
		{"DeleteChannelFlow", http.MethodDelete, "/channel-flows/{channelFlowArn}", "", 204, nobody, conflict, "", nil},
		{"DeleteChannelMembership", http.MethodDelete, "/channels/{channelArn}/memberships/{memberArn}", "", 204, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).deleteChannelMembership)},
		{"DeleteChannelMessage", http.MethodDelete, "/channels/{channelArn}/messages/{messageId}", "", 204, bearer, 0, "{Bearer} {ChannelArn}", does((*server).deleteChannelMessage)},
		{"DeleteChannelModerator", http.MethodDelete, "/channels/{channelArn}/moderators/{channelModeratorArn}", "", 204, bearer, 0, "{Bearer} {ChannelArn}", does((*server).deleteChannelModerator)},
		{"DeleteMessagingStreamingConfigurations", http.MethodDelete, "/app-instances/{appInstanceArn}/streaming-configurations", "", 204, nobody, 0, "", nil},
		{"DescribeChannel", http.MethodGet, "/channels/{channelArn}", "", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).describeChannel)},
		{"DescribeChannelBan", http.MethodGet, "/channels/{channelArn}/bans/{memberArn}", "", 200, bearer, notFound, "{Bearer} {ChannelArn}", does((*server).describeChannelBan)},
		{"DescribeChannelFlow", http.MethodGet, "/channel-flows/{channelFlowArn}", "", 200, nobody, 0, "", nil},
		{"DescribeChannelMembership", http.MethodGet, "/channels/{channelArn}/memberships/{memberArn}", "", 200, bearer, notFound, "{Bearer} {ChannelArn}", does((*server).describeChannelMembership)},
		{"DescribeChannelMembershipForAppInstanceUser", http.MethodGet, "/channels/{channelArn}", "scope=app-instance-user-membership", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).describeChannelMembershipForAppInstanceUser)},
		{"DescribeChannelModeratedByAppInstanceUser", http.MethodGet, "/channels/{channelArn}", "scope=app-instance-user-moderated-channel", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).describeChannelModeratedByAppInstanceUser)},
		{"DescribeChannelModerator", http.MethodGet, "/channels/{channelArn}/moderators/{channelModeratorArn}", "", 200, bearer, notFound, "{Bearer} {ChannelArn}", does((*server).describeChannelModerator)},
		{"DisassociateChannelFlow", http.MethodDelete, "/channels/{channelArn}/channel-flow/{channelFlowArn}", "", 204, bearer, notFound | conflict, "", nil},
		{"GetChannelMembershipPreferences", http.MethodGet, "/channels/{channelArn}/memberships/{memberArn}/preferences", "", 200, bearer, 0, "", nil},
		{"GetChannelMessage", http.MethodGet, "/channels/{channelArn}/messages/{messageId}", "", 200, bearer, notFound, "{Bearer} {ChannelArn}", does((*server).getChannelMessage)},
		{"GetChannelMessageStatus", http.MethodGet, "/channels/{channelArn}/messages/{messageId}", "scope=message-status", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).getChannelMessageStatus)},
		{"GetMessagingSessionEndpoint", http.MethodGet, "/endpoints/messaging-session", "", 200, nobody, 0, "*", does((*server).getMessagingSessionEndpoint)},
		{"GetMessagingStreamingConfigurations", http.MethodGet, "/app-instances/{appInstanceArn}/streaming-configurations", "", 200, nobody, notFound, "", nil},
		{"ListChannelBans", http.MethodGet, "/channels/{channelArn}/bans", "", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).listChannelBans)},
		{"ListChannelFlows", http.MethodGet, "/channel-flows", "", 200, nobody, 0, "", nil},
		{"ListChannelMemberships", http.MethodGet, "/channels/{channelArn}/memberships", "", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).listChannelMemberships)},
		{"ListChannelMembershipsForAppInstanceUser", http.MethodGet, "/channels", "scope=app-instance-user-memberships", 200, bearer, 0, "{Bearer}", does((*server).listChannelMembershipsForAppInstanceUser)},
		{"ListChannelMessages", http.MethodGet, "/channels/{channelArn}/messages", "", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).listChannelMessages)},
		{"ListChannelModerators", http.MethodGet, "/channels/{channelArn}/moderators", "", 200, bearer, 0, "{Bearer} {ChannelArn}", does((*server).listChannelModerators)},
		{"ListChannels", http.MethodGet, "/channels", "", 200, bearer, 0, "{Bearer}", does((*server).listChannels)},
		{"ListChannelsAssociatedWithChannelFlow", http.MethodGet, "/channels", "scope=channel-flow-associations", 200, nobody, 0, "", nil},
		{"ListChannelsModeratedByAppInstanceUser", http.MethodGet, "/channels", "scope=app-instance-user-moderated-channels", 200, bearer, 0, "{Bearer}", does((*server).listChannelsModeratedByAppInstanceUser)},
		{"ListSubChannels", http.MethodGet, "/channels/{channelArn}/subchannels", "", 200, bearer, 0, "", nil},
		{"PutChannelExpirationSettings", http.MethodPut, "/channels/{channelArn}/expiration-settings", "", 200, bearer, conflict, "", nil},
		{"PutChannelMembershipPreferences", http.MethodPut, "/channels/{channelArn}/memberships/{memberArn}/preferences", "", 200, bearer, conflict, "", nil},
		{"PutMessagingStreamingConfigurations", http.MethodPut, "/app-instances/{appInstanceArn}/streaming-configurations", "", 200, nobody, notFound | conflict, "", nil},
		{"RedactChannelMessage", http.MethodPost, "/channels/{channelArn}/messages/{messageId}", "operation=redact", 200, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).redactChannelMessage)},
		{"SearchChannels", http.MethodPost, "/channels", "operation=search", 200, bearer, 0, "", nil},
		{"SendChannelMessage", http.MethodPost, "/channels/{channelArn}/messages", "", 201, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).sendChannelMessage)},
		{"UpdateChannel", http.MethodPut, "/channels/{channelArn}", "", 200, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).updateChannel)},
		{"UpdateChannelFlow", http.MethodPut, "/channel-flows/{channelFlowArn}", "", 200, nobody, conflict, "", nil},
		{"UpdateChannelMessage", http.MethodPut, "/channels/{channelArn}/messages/{messageId}", "", 200, bearer, conflict, "{Bearer} {ChannelArn}", does((*server).updateChannelMessage)},
		{"UpdateChannelReadMarker", http.MethodPut, "/channels/{channelArn}/readMarker", "", 200, bearer, conflict, "", nil},
	}
}
