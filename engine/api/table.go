package api

import (
	"net/http"

	"github.com/stagedoor/stagedoor/engine/rest"
)

// row is a rest.Operation written in one line.
type row rest.Operation

// operations is the table as the dispatcher takes it.
func (s *server) operations() []rest.Operation {
	return each(s.table(), func(r row) rest.Operation { return rest.Operation(r) })
}

// table is every operation of the two services (API reference; the IAM resources are those of the service
// authorization reference). ListTagsForResource, TagResource and UntagResource belong to both services.
func (s *server) table() []row {
	return []row{
		// Amazon Chime SDK Identity, 2021-04-20
		{"CreateAppInstance", http.MethodPost, "/app-instances", "", 201, rest.Developer, rest.Conflict | rest.Limit, "*", rest.Does(s.createAppInstance)},
		{"CreateAppInstanceAdmin", http.MethodPost, "/app-instances/{appInstanceArn}/admins", "", 201, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceArn} {AppInstanceAdminArn}", rest.Does(s.createAppInstanceAdmin)},
		{"CreateAppInstanceBot", http.MethodPost, "/app-instance-bots", "", 201, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceArn}/bot/*", rest.Does(s.createAppInstanceBot)},
		{"CreateAppInstanceUser", http.MethodPost, "/app-instance-users", "", 201, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceArn}/user/{AppInstanceUserId}", rest.Does(s.createAppInstanceUser)},
		{"DeleteAppInstance", http.MethodDelete, "/app-instances/{appInstanceArn}", "", 204, rest.Developer, rest.Limit, "{AppInstanceArn}", rest.Does(s.deleteAppInstance)},
		{"DeleteAppInstanceAdmin", http.MethodDelete, "/app-instances/{appInstanceArn}/admins/{appInstanceAdminArn}", "", 204, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceArn} {AppInstanceAdminArn}", rest.Does(s.deleteAppInstanceAdmin)},
		{"DeleteAppInstanceBot", http.MethodDelete, "/app-instance-bots/{appInstanceBotArn}", "", 204, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceBotArn}", rest.Does(s.deleteAppInstanceBot)},
		{"DeleteAppInstanceUser", http.MethodDelete, "/app-instance-users/{appInstanceUserArn}", "", 204, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceUserArn}", rest.Does(s.deleteAppInstanceUser)},
		{"DeregisterAppInstanceUserEndpoint", http.MethodDelete, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 204, rest.Developer, 0, "{AppInstanceUserArn}", rest.Does(s.deregisterAppInstanceUserEndpoint)},
		{"DescribeAppInstance", http.MethodGet, "/app-instances/{appInstanceArn}", "", 200, rest.Developer, 0, "{AppInstanceArn}", rest.Does(s.describeAppInstance)},
		{"DescribeAppInstanceAdmin", http.MethodGet, "/app-instances/{appInstanceArn}/admins/{appInstanceAdminArn}", "", 200, rest.Developer, 0, "{AppInstanceArn} {AppInstanceAdminArn}", rest.Does(s.describeAppInstanceAdmin)},
		{"DescribeAppInstanceBot", http.MethodGet, "/app-instance-bots/{appInstanceBotArn}", "", 200, rest.Developer, rest.NotFound, "{AppInstanceBotArn}", rest.Does(s.describeAppInstanceBot)},
		{"DescribeAppInstanceUser", http.MethodGet, "/app-instance-users/{appInstanceUserArn}", "", 200, rest.Developer, 0, "{AppInstanceUserArn}", rest.Does(s.describeAppInstanceUser)},
		{"DescribeAppInstanceUserEndpoint", http.MethodGet, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 200, rest.Developer, 0, "{AppInstanceUserArn}", rest.Does(s.describeAppInstanceUserEndpoint)},
		{"GetAppInstanceRetentionSettings", http.MethodGet, "/app-instances/{appInstanceArn}/retention-settings", "", 200, rest.Developer, 0, "{AppInstanceArn}", rest.Does(s.getAppInstanceRetentionSettings)},
		{"ListAppInstanceAdmins", http.MethodGet, "/app-instances/{appInstanceArn}/admins", "", 200, rest.Developer, rest.Limit, "{AppInstanceArn} {AppInstanceArn}/user/*", rest.Does(s.listAppInstanceAdmins)},
		{"ListAppInstanceBots", http.MethodGet, "/app-instance-bots", "", 200, rest.Developer, rest.Limit, "{AppInstanceArn}/bot/*", rest.Does(s.listAppInstanceBots)},
		{"ListAppInstanceUserEndpoints", http.MethodGet, "/app-instance-users/{appInstanceUserArn}/endpoints", "", 200, rest.Developer, 0, "{AppInstanceUserArn}", rest.Does(s.listAppInstanceUserEndpoints)},
		{"ListAppInstanceUsers", http.MethodGet, "/app-instance-users", "", 200, rest.Developer, 0, "{AppInstanceArn}/user/*", rest.Does(s.listAppInstanceUsers)},
		{"ListAppInstances", http.MethodGet, "/app-instances", "", 200, rest.Developer, 0, "*", rest.Does(s.listAppInstances)},
		{"ListTagsForResource", http.MethodGet, "/tags", "", 200, rest.Developer, 0, "{ResourceARN}", rest.Does(s.listTagsForResource)},
		{"PutAppInstanceRetentionSettings", http.MethodPut, "/app-instances/{appInstanceArn}/retention-settings", "", 200, rest.Developer, 0, "{AppInstanceArn}", rest.Does(s.putAppInstanceRetentionSettings)},
		{"PutAppInstanceUserExpirationSettings", http.MethodPut, "/app-instance-users/{appInstanceUserArn}/expiration-settings", "", 200, rest.Developer, rest.Conflict, "{AppInstanceUserArn}", rest.Does(s.putAppInstanceUserExpirationSettings)},
		{"RegisterAppInstanceUserEndpoint", http.MethodPost, "/app-instance-users/{appInstanceUserArn}/endpoints", "", 201, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceUserArn}", rest.Does(s.registerAppInstanceUserEndpoint)},
		{"TagResource", http.MethodPost, "/tags", "operation=tag-resource", 204, rest.Developer, rest.Limit, "{ResourceARN}", rest.Does(s.tagResource)},
		{"UntagResource", http.MethodPost, "/tags", "operation=untag-resource", 204, rest.Developer, 0, "{ResourceARN}", rest.Does(s.untagResource)},
		{"UpdateAppInstance", http.MethodPut, "/app-instances/{appInstanceArn}", "", 200, rest.Developer, rest.Conflict, "{AppInstanceArn}", rest.Does(s.updateAppInstance)},
		{"UpdateAppInstanceBot", http.MethodPut, "/app-instance-bots/{appInstanceBotArn}", "", 200, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceBotArn}", rest.Does(s.updateAppInstanceBot)},
		{"UpdateAppInstanceUser", http.MethodPut, "/app-instance-users/{appInstanceUserArn}", "", 200, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceUserArn}", rest.Does(s.updateAppInstanceUser)},
		{"UpdateAppInstanceUserEndpoint", http.MethodPut, "/app-instance-users/{appInstanceUserArn}/endpoints/{endpointId}", "", 200, rest.Developer, rest.Conflict, "{AppInstanceUserArn}", rest.Does(s.updateAppInstanceUserEndpoint)},
		// Amazon Chime SDK Messaging, 2021-05-15
		{"AssociateChannelFlow", http.MethodPut, "/channels/{channelArn}/channel-flow", "", 200, rest.OnBehalf, rest.NotFound | rest.Conflict, "{Bearer} {ChannelArn} {ChannelFlowArn}", rest.Does(s.associateChannelFlow)},
		{"BatchCreateChannelMembership", http.MethodPost, "/channels/{channelArn}/memberships", "operation=batch-create", 200, rest.OnBehalf, rest.NotFound | rest.Limit, "{Bearer} {ChannelArn}", rest.Does(s.batchCreateChannelMembership)},
		{"ChannelFlowCallback", http.MethodPost, "/channels/{channelArn}", "operation=channel-flow-callback", 200, rest.Developer, rest.Conflict, "{ChannelArn}", rest.Does(s.channelFlowCallback)},
		{"CreateChannel", http.MethodPost, "/channels", "", 201, rest.OnBehalf, rest.Conflict | rest.Limit, "{Bearer}", rest.Does(s.createChannel)},
		{"CreateChannelBan", http.MethodPost, "/channels/{channelArn}/bans", "", 201, rest.OnBehalf, rest.Conflict | rest.Limit, "{Bearer} {ChannelArn}", rest.Does(s.createChannelBan)},
		{"CreateChannelFlow", http.MethodPost, "/channel-flows", "", 201, rest.Developer, rest.Conflict | rest.Limit, "{AppInstanceArn}", rest.Does(s.createChannelFlow)},
		{"CreateChannelMembership", http.MethodPost, "/channels/{channelArn}/memberships", "", 201, rest.OnBehalf, rest.NotFound | rest.Conflict | rest.Limit, "{Bearer} {ChannelArn}", rest.Does(s.createChannelMembership)},
		{"CreateChannelModerator", http.MethodPost, "/channels/{channelArn}/moderators", "", 201, rest.OnBehalf, rest.Conflict | rest.Limit, "{Bearer} {ChannelArn}", rest.Does(s.createChannelModerator)},
		{"DeleteChannel", http.MethodDelete, "/channels/{channelArn}", "", 204, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.deleteChannel)},
		{"DeleteChannelBan", http.MethodDelete, "/channels/{channelArn}/bans/{memberArn}", "", 204, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.deleteChannelBan)},
		{"DeleteChannelFlow", http.MethodDelete, "/channel-flows/{channelFlowArn}", "", 204, rest.Developer, rest.Conflict, "{ChannelFlowArn}", rest.Does(s.deleteChannelFlow)},
		{"DeleteChannelMembership", http.MethodDelete, "/channels/{channelArn}/memberships/{memberArn}", "", 204, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.deleteChannelMembership)},
		{"DeleteChannelMessage", http.MethodDelete, "/channels/{channelArn}/messages/{messageId}", "", 204, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.deleteChannelMessage)},
		{"DeleteChannelModerator", http.MethodDelete, "/channels/{channelArn}/moderators/{channelModeratorArn}", "", 204, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.deleteChannelModerator)},
		{"DeleteMessagingStreamingConfigurations", http.MethodDelete, "/app-instances/{appInstanceArn}/streaming-configurations", "", 204, rest.Developer, 0, "{AppInstanceArn}", rest.Does(s.deleteMessagingStreamingConfigurations)},
		{"DescribeChannel", http.MethodGet, "/channels/{channelArn}", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.describeChannel)},
		{"DescribeChannelBan", http.MethodGet, "/channels/{channelArn}/bans/{memberArn}", "", 200, rest.OnBehalf, rest.NotFound, "{Bearer} {ChannelArn}", rest.Does(s.describeChannelBan)},
		{"DescribeChannelFlow", http.MethodGet, "/channel-flows/{channelFlowArn}", "", 200, rest.Developer, 0, "{ChannelFlowArn}", rest.Does(s.describeChannelFlow)},
		{"DescribeChannelMembership", http.MethodGet, "/channels/{channelArn}/memberships/{memberArn}", "", 200, rest.OnBehalf, rest.NotFound, "{Bearer} {ChannelArn}", rest.Does(s.describeChannelMembership)},
		{"DescribeChannelMembershipForAppInstanceUser", http.MethodGet, "/channels/{channelArn}", "scope=app-instance-user-membership", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.describeChannelMembershipForAppInstanceUser)},
		{"DescribeChannelModeratedByAppInstanceUser", http.MethodGet, "/channels/{channelArn}", "scope=app-instance-user-moderated-channel", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.describeChannelModeratedByAppInstanceUser)},
		{"DescribeChannelModerator", http.MethodGet, "/channels/{channelArn}/moderators/{channelModeratorArn}", "", 200, rest.OnBehalf, rest.NotFound, "{Bearer} {ChannelArn}", rest.Does(s.describeChannelModerator)},
		{"DisassociateChannelFlow", http.MethodDelete, "/channels/{channelArn}/channel-flow/{channelFlowArn}", "", 204, rest.OnBehalf, rest.NotFound | rest.Conflict, "{Bearer} {ChannelArn} {ChannelFlowArn}", rest.Does(s.disassociateChannelFlow)},
		{"GetChannelMembershipPreferences", http.MethodGet, "/channels/{channelArn}/memberships/{memberArn}/preferences", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.getChannelMembershipPreferences)},
		{"GetChannelMessage", http.MethodGet, "/channels/{channelArn}/messages/{messageId}", "", 200, rest.OnBehalf, rest.NotFound, "{Bearer} {ChannelArn}", rest.Does(s.getChannelMessage)},
		{"GetChannelMessageStatus", http.MethodGet, "/channels/{channelArn}/messages/{messageId}", "scope=message-status", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.getChannelMessageStatus)},
		{"GetMessagingSessionEndpoint", http.MethodGet, "/endpoints/messaging-session", "", 200, rest.Developer, 0, "*", rest.Does(s.getMessagingSessionEndpoint)},
		{"GetMessagingStreamingConfigurations", http.MethodGet, "/app-instances/{appInstanceArn}/streaming-configurations", "", 200, rest.Developer, rest.NotFound, "{AppInstanceArn}", rest.Does(s.getMessagingStreamingConfigurations)},
		{"ListChannelBans", http.MethodGet, "/channels/{channelArn}/bans", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.listChannelBans)},
		{"ListChannelFlows", http.MethodGet, "/channel-flows", "", 200, rest.Developer, 0, "{AppInstanceArn}/channel-flow/*", rest.Does(s.listChannelFlows)},
		{"ListChannelMemberships", http.MethodGet, "/channels/{channelArn}/memberships", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.listChannelMemberships)},
		{"ListChannelMembershipsForAppInstanceUser", http.MethodGet, "/channels", "scope=app-instance-user-memberships", 200, rest.OnBehalf, 0, "{Bearer}", rest.Does(s.listChannelMembershipsForAppInstanceUser)},
		{"ListChannelMessages", http.MethodGet, "/channels/{channelArn}/messages", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.listChannelMessages)},
		{"ListChannelModerators", http.MethodGet, "/channels/{channelArn}/moderators", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.listChannelModerators)},
		{"ListChannels", http.MethodGet, "/channels", "", 200, rest.OnBehalf, 0, "{Bearer}", rest.Does(s.listChannels)},
		{"ListChannelsAssociatedWithChannelFlow", http.MethodGet, "/channels", "scope=channel-flow-associations", 200, rest.Developer, 0, "{ChannelFlowArn}", rest.Does(s.listChannelsAssociatedWithChannelFlow)},
		{"ListChannelsModeratedByAppInstanceUser", http.MethodGet, "/channels", "scope=app-instance-user-moderated-channels", 200, rest.OnBehalf, 0, "{Bearer}", rest.Does(s.listChannelsModeratedByAppInstanceUser)},
		{"ListSubChannels", http.MethodGet, "/channels/{channelArn}/subchannels", "", 200, rest.OnBehalf, 0, "{Bearer} {ChannelArn}", rest.Does(s.listSubChannels)},
		{"PutChannelExpirationSettings", http.MethodPut, "/channels/{channelArn}/expiration-settings", "", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.putChannelExpirationSettings)},
		{"PutChannelMembershipPreferences", http.MethodPut, "/channels/{channelArn}/memberships/{memberArn}/preferences", "", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.putChannelMembershipPreferences)},
		{"PutMessagingStreamingConfigurations", http.MethodPut, "/app-instances/{appInstanceArn}/streaming-configurations", "", 200, rest.Developer, rest.NotFound | rest.Conflict, "{AppInstanceArn}", rest.Does(s.putMessagingStreamingConfigurations)},
		{"RedactChannelMessage", http.MethodPost, "/channels/{channelArn}/messages/{messageId}", "operation=redact", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.redactChannelMessage)},
		{"SearchChannels", http.MethodPost, "/channels", "operation=search", 200, rest.OnBehalf, 0, "{Bearer}", rest.Does(s.searchChannels)},
		{"SendChannelMessage", http.MethodPost, "/channels/{channelArn}/messages", "", 201, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.sendChannelMessage)},
		{"UpdateChannel", http.MethodPut, "/channels/{channelArn}", "", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.updateChannel)},
		{"UpdateChannelFlow", http.MethodPut, "/channel-flows/{channelFlowArn}", "", 200, rest.Developer, rest.Conflict, "{ChannelFlowArn}", rest.Does(s.updateChannelFlow)},
		{"UpdateChannelMessage", http.MethodPut, "/channels/{channelArn}/messages/{messageId}", "", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.updateChannelMessage)},
		{"UpdateChannelReadMarker", http.MethodPut, "/channels/{channelArn}/readMarker", "", 200, rest.OnBehalf, rest.Conflict, "{Bearer} {ChannelArn}", rest.Does(s.updateChannelReadMarker)},
	}
}
