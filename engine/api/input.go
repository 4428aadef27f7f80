package api

// The inputs, member by member as the API reference has them. Tags: `wire` says where a member travels when it is not
// the JSON body ("path=…", "query=…"); `is` names its shape (shapes.go), with "!" when it is required.
//
// PushNotification is checked and has no effect: endpoints are kept, and nothing is ever sent to one.

type (
	paging struct {
		MaxResults int    `wire:"query=max-results" is:"MaxResults"`
		NextToken  string `wire:"query=next-token" is:"NextToken"`
	}
	onInstance struct {
		AppInstanceArn string `wire:"path=appInstanceArn" is:"ChimeArn!"`
	}
	onUser struct {
		AppInstanceUserArn string `wire:"path=appInstanceUserArn" is:"ChimeArn!"`
	}
	onAdmin struct {
		onInstance
		AppInstanceAdminArn string `wire:"path=appInstanceAdminArn" is:"ChimeArn!"`
	}
	onChannel struct {
		ChannelArn string `wire:"path=channelArn" is:"ChimeArn!"`
	}
	onBanned struct {
		onChannel
		MemberArn string `wire:"path=memberArn" is:"ChimeArn!"`
	}
	onMember struct {
		onChannel
		MemberArn string `wire:"path=memberArn" is:"ChimeArn!"`
	}
	onMembership struct {
		onMember
		inSubQuery
	}
	onModerator struct {
		onChannel
		ChannelModeratorArn string `wire:"path=channelModeratorArn" is:"ChimeArn!"`
	}
	onMessage struct {
		onChannel
		MessageId string `wire:"path=messageId" is:"MessageId!"` // the wire's name
		inSubQuery
	}
	forUser struct {
		AppInstanceUserArn string `wire:"query=app-instance-user-arn" is:"ChimeArn!"`
		onChannel
	}
	forUserPaged struct {
		AppInstanceUserArn string `wire:"query=app-instance-user-arn" is:"ChimeArn"`
		paging
	}
	pagedInstance struct {
		onInstance
		paging
	}
	pagedChannel struct {
		onChannel
		paging
	}
)

type createAppInstanceIn struct {
	Name               string `is:"NonEmptyResourceName!"`
	Metadata           string `is:"Metadata"`
	ClientRequestToken string `is:"ClientRequestToken!"`
	tagged
}

type updateAppInstanceIn struct {
	onInstance
	Name     string `is:"NonEmptyResourceName!"`
	Metadata string `is:"Metadata!"`
}

type createAppInstanceAdminIn struct {
	onInstance
	AppInstanceAdminArn string `is:"ChimeArn!"`
}

type createAppInstanceUserIn struct {
	AppInstanceArn     string `is:"ChimeArn!"`
	AppInstanceUserId  string `is:"UserId!"` // the wire's name
	Name               string `is:"UserName!"`
	Metadata           string `is:"Metadata"`
	ClientRequestToken string `is:"ClientRequestToken!"`
	tagged
	ExpirationSettings *userExpiration `is:"Structure"`
}

type listAppInstanceUsersIn struct {
	AppInstanceArn string `wire:"query=app-instance-arn" is:"ChimeArn!"`
	paging
}

type updateAppInstanceUserIn struct {
	onUser
	Name     string `is:"UserName!"`
	Metadata string `is:"Metadata!"`
}

type createChannelIn struct {
	AppInstanceArn     string   `is:"ChimeArn!"`
	Name               string   `is:"NonEmptyResourceName!"`
	Mode               string   `is:"ChannelMode"`
	Privacy            string   `is:"ChannelPrivacy"`
	Metadata           string   `is:"Metadata"`
	ClientRequestToken string   `is:"ClientRequestToken!"`
	ChannelId          string   `is:"ChannelId"` // the wire's name
	MemberArns         []string `is:"ChannelMemberArns"`
	ModeratorArns      []string `is:"ChannelModeratorArns"`
	tagged
	ElasticChannelConfiguration *elasticIn    `is:"Structure"`
	ExpirationSettings          *expirationIn `is:"Structure"`
}

type listChannelsIn struct {
	AppInstanceArn string `wire:"query=app-instance-arn" is:"ChimeArn!"`
	Privacy        string `wire:"query=privacy" is:"ChannelPrivacy"`
	paging
}

type updateChannelIn struct {
	onChannel
	Name     *string `is:"NonEmptyResourceName"`
	Mode     *string `is:"ChannelMode"`
	Metadata *string `is:"Metadata"`
}

type batchCreateChannelMembershipIn struct {
	onChannel
	Type       string   `is:"ChannelMembershipType"`
	MemberArns []string `is:"MemberArns!"`
	inSub
}

type createChannelMembershipIn struct {
	onChannel
	MemberArn string `is:"ChimeArn!"`
	Type      string `is:"ChannelMembershipType!"`
	inSub
}

type listChannelMembershipsIn struct {
	onChannel
	Type string `wire:"query=type" is:"ChannelMembershipType"`
	paging
	inSubQuery
}

type createChannelModeratorIn struct {
	onChannel
	ChannelModeratorArn string `is:"ChimeArn!"`
}

type createChannelBanIn struct {
	onChannel
	MemberArn string `is:"ChimeArn!"`
}

type targetIn struct {
	MemberArn string `is:"ChimeArn!"`
}

type attributeIn struct {
	StringValues []string `is:"MessageAttributeStringValues" json:",omitempty"`
}

type pushNotificationIn struct {
	Title string `is:"PushNotificationTitle"`
	Body  string `is:"PushNotificationBody"`
	Type  string `is:"PushNotificationType"`
}

type sendChannelMessageIn struct {
	onChannel
	Content            string                 `is:"NonEmptyContent!"`
	Type               string                 `is:"ChannelMessageType!"`
	Persistence        string                 `is:"ChannelMessagePersistenceType!"`
	Metadata           string                 `is:"Metadata"`
	ClientRequestToken string                 `is:"ClientRequestToken!"`
	PushNotification   pushNotificationIn     `is:"PushNotificationConfiguration"`
	MessageAttributes  map[string]attributeIn `is:"MessageAttributeMap"`
	ContentType        string                 `is:"ContentType"`
	Target             []targetIn             `is:"TargetList"`
	inSub
}

type listChannelMessagesIn struct {
	onChannel
	SortOrder string `wire:"query=sort-order" is:"SortOrder"`
	NotBefore string `wire:"query=not-before" is:"Timestamp"`
	NotAfter  string `wire:"query=not-after" is:"Timestamp"`
	paging
	inSubQuery
}

type updateChannelMessageIn struct {
	onChannel
	MessageId   string  `wire:"path=messageId" is:"MessageId!"` // the wire's name
	Content     string  `is:"NonEmptyContent!"`
	Metadata    *string `is:"Metadata"`
	ContentType *string `is:"ContentType"`
	inSub
}

type redactChannelMessageIn struct {
	onChannel
	MessageId string `wire:"path=messageId" is:"MessageId!"` // the wire's name
	inSub
}

type getMessagingSessionEndpointIn struct {
	NetworkType string `wire:"query=network-type" is:"NetworkType"`
}
