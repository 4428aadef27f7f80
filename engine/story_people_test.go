package engine_test

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	msgtypes "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
)

// The identity service's half of the story.

func (s *story) opensTheHouse() {
	ctx := s.Context()
	in := &identity.CreateAppInstanceInput{Name: aws.String("Théâtre"), Metadata: aws.String(`{"seats":800}`), ClientRequestToken: aws.String("token-1"),
		Tags: []types.Tag{{Key: aws.String("city"), Value: aws.String("Lyon")}}}
	made, err := s.id.CreateAppInstance(ctx, in)
	s.ok(err)
	s.house = *made.AppInstanceArn
	again, err := s.id.CreateAppInstance(ctx, in)
	s.ok(err)
	s.equal("the same asked twice", *again.AppInstanceArn, s.house)
	updated, err := s.id.UpdateAppInstance(ctx, &identity.UpdateAppInstanceInput{AppInstanceArn: &s.house, Name: aws.String("Grand Théâtre"), Metadata: aws.String(`{"seats":801}`)})
	s.ok(err)
	s.equal("updated", *updated.AppInstanceArn, s.house)
	got, err := s.id.DescribeAppInstance(ctx, &identity.DescribeAppInstanceInput{AppInstanceArn: &s.house})
	s.ok(err)
	s.equal("house", *got.AppInstance.Name+*got.AppInstance.Metadata, `Grand Théâtre{"seats":801}`)
	s.recent("created", got.AppInstance.CreatedTimestamp)
	s.recent("updated", got.AppInstance.LastUpdatedTimestamp)
	one, err := s.id.ListAppInstances(ctx, &identity.ListAppInstancesInput{})
	s.ok(err)
	s.equal("house", fmt.Sprint(len(one.AppInstances), *one.AppInstances[0].AppInstanceArn, *one.AppInstances[0].Metadata), "1"+s.house+`{"seats":801}`)
	_, err = s.id.CreateAppInstance(ctx, &identity.CreateAppInstanceInput{Name: aws.String("Annexe"), Metadata: aws.String("small")})
	s.ok(err)
	names := map[string]bool{}
	for pages := identity.NewListAppInstancesPaginator(s.id, &identity.ListAppInstancesInput{MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		for _, a := range page.AppInstances {
			names[*a.Name] = true
		}
	}
	s.equal("houses", fmt.Sprint(names), "map[Annexe:true Grand Théâtre:true]")

	keep, err := s.id.PutAppInstanceRetentionSettings(ctx, &identity.PutAppInstanceRetentionSettingsInput{AppInstanceArn: &s.house,
		AppInstanceRetentionSettings: &types.AppInstanceRetentionSettings{ChannelRetentionSettings: &types.ChannelRetentionSettings{RetentionDays: aws.Int32(400)}}})
	s.ok(err)
	s.equal("days kept", *keep.AppInstanceRetentionSettings.ChannelRetentionSettings.RetentionDays, 400)
	kept, err := s.id.GetAppInstanceRetentionSettings(ctx, &identity.GetAppInstanceRetentionSettingsInput{AppInstanceArn: &s.house})
	s.ok(err)
	s.equal("days kept", *kept.AppInstanceRetentionSettings.ChannelRetentionSettings.RetentionDays, 400)
	s.equal("deletion begins", *kept.InitiateDeletionTimestamp, *keep.InitiateDeletionTimestamp)
}

func (s *story) hire(id string) {
	s.Helper()
	in := &identity.CreateAppInstanceUserInput{AppInstanceArn: &s.house, AppInstanceUserId: aws.String(id), Name: aws.String("Name of " + id), Metadata: aws.String("m"),
		Tags:               []types.Tag{{Key: aws.String("door"), Value: aws.String("north")}},
		ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(30), ExpirationCriterion: types.ExpirationCriterionCreatedTimestamp}}
	made, err := s.id.CreateAppInstanceUser(s.Context(), in)
	s.ok(err)
	s.user[id] = *made.AppInstanceUserArn
}

func (s *story) hiresPeople() {
	ctx := s.Context()
	for _, id := range []string{"director", "usher", "ann", "ben", "cat", "dan", "eve"} {
		s.hire(id)
	}
	ann := s.user["ann"]
	s.equal("ARN", ann, s.house+"/user/ann")
	renamed, err := s.id.UpdateAppInstanceUser(ctx, &identity.UpdateAppInstanceUserInput{AppInstanceUserArn: &ann, Name: aws.String("Ann 🎭"), Metadata: aws.String("seat 1")})
	s.ok(err)
	s.equal("renamed", *renamed.AppInstanceUserArn, ann)
	put, err := s.id.PutAppInstanceUserExpirationSettings(ctx, &identity.PutAppInstanceUserExpirationSettingsInput{AppInstanceUserArn: &ann,
		ExpirationSettings: &types.ExpirationSettings{ExpirationDays: aws.Int32(7), ExpirationCriterion: types.ExpirationCriterionCreatedTimestamp}})
	s.ok(err)
	s.equal("expiration", fmt.Sprint(*put.AppInstanceUserArn, *put.ExpirationSettings.ExpirationDays, put.ExpirationSettings.ExpirationCriterion), ann+"7CREATED_TIMESTAMP")
	got, err := s.id.DescribeAppInstanceUser(ctx, &identity.DescribeAppInstanceUserInput{AppInstanceUserArn: &ann})
	s.ok(err)
	u := got.AppInstanceUser
	s.equal("ann", fmt.Sprint(*u.AppInstanceUserArn, *u.Name, *u.Metadata, *u.ExpirationSettings.ExpirationDays), ann+"Ann 🎭seat 17")
	s.recent("created", u.CreatedTimestamp)
	s.recent("updated", u.LastUpdatedTimestamp)
	count := 0
	for pages := identity.NewListAppInstanceUsersPaginator(s.id, &identity.ListAppInstanceUsersInput{AppInstanceArn: &s.house, MaxResults: aws.Int32(3)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		s.equal("users of", *page.AppInstanceArn, s.house)
		count += len(page.AppInstanceUsers)
	}
	s.equal("people", count, 7)

	for _, id := range []string{"director", "ben"} {
		made, err := s.id.CreateAppInstanceAdmin(ctx, &identity.CreateAppInstanceAdminInput{AppInstanceArn: &s.house, AppInstanceAdminArn: aws.String(s.user[id])})
		s.ok(err)
		s.equal("admin", *made.AppInstanceArn+*made.AppInstanceAdmin.Arn+*made.AppInstanceAdmin.Name, s.house+s.user[id]+"Name of "+id)
	}
	admin, err := s.id.DescribeAppInstanceAdmin(ctx, &identity.DescribeAppInstanceAdminInput{AppInstanceArn: &s.house, AppInstanceAdminArn: aws.String(s.user["ben"])})
	s.ok(err)
	s.equal("admin", *admin.AppInstanceAdmin.Admin.Name+*admin.AppInstanceAdmin.AppInstanceArn, "Name of ben"+s.house)
	s.recent("promoted", admin.AppInstanceAdmin.CreatedTimestamp)
	admins, err := s.id.ListAppInstanceAdmins(ctx, &identity.ListAppInstanceAdminsInput{AppInstanceArn: &s.house, MaxResults: aws.Int32(1)})
	s.ok(err)
	more, err := s.id.ListAppInstanceAdmins(ctx, &identity.ListAppInstanceAdminsInput{AppInstanceArn: &s.house, MaxResults: aws.Int32(1), NextToken: admins.NextToken})
	s.ok(err)
	whole, err := s.id.ListAppInstanceAdmins(ctx, &identity.ListAppInstanceAdminsInput{AppInstanceArn: &s.house})
	s.ok(err)
	s.equal("admins", len(admins.AppInstanceAdmins)+len(more.AppInstanceAdmins), len(whole.AppInstanceAdmins))
	_, err = s.id.DeleteAppInstanceAdmin(ctx, &identity.DeleteAppInstanceAdminInput{AppInstanceArn: &s.house, AppInstanceAdminArn: aws.String(s.user["ben"])})
	s.ok(err)
}

func (s *story) hiresABot() {
	ctx := s.Context()
	lex := func(alias string) *types.Configuration {
		return &types.Configuration{Lex: &types.LexConfiguration{LexBotAliasArn: aws.String("arn:aws:lex:us-east-1:000000000000:bot-alias/AAAAAAAAAA/" + alias),
			LocaleId: aws.String("fr_FR"), WelcomeIntent: aws.String("Welcome"),
			InvokedBy: &types.InvokedBy{StandardMessages: types.StandardMessagesMentions, TargetedMessages: types.TargetedMessagesAll}}}
	}
	made, err := s.id.CreateAppInstanceBot(ctx, &identity.CreateAppInstanceBotInput{AppInstanceArn: &s.house, Name: aws.String("Cloakroom"), Metadata: aws.String("m"),
		Configuration: lex("BBBBBBBBBB"), Tags: []types.Tag{{Key: aws.String("kind"), Value: aws.String("bot")}}})
	s.ok(err)
	_, err = s.id.CreateAppInstanceBot(ctx, &identity.CreateAppInstanceBotInput{AppInstanceArn: &s.house, Name: aws.String("Bar"), Metadata: aws.String("m"),
		Configuration: &types.Configuration{Lex: &types.LexConfiguration{LexBotAliasArn: lex("BBBBBBBBBB").Lex.LexBotAliasArn, LocaleId: aws.String("en_US"),
			RespondsTo: types.RespondsToStandardMessages}}})
	s.ok(err)
	updated, err := s.id.UpdateAppInstanceBot(ctx, &identity.UpdateAppInstanceBotInput{AppInstanceBotArn: made.AppInstanceBotArn, Name: aws.String("Wardrobe"),
		Metadata: aws.String("n"), Configuration: lex("CCCCCCCCCC")})
	s.ok(err)
	s.equal("bot", *updated.AppInstanceBotArn, *made.AppInstanceBotArn)
	got, err := s.id.DescribeAppInstanceBot(ctx, &identity.DescribeAppInstanceBotInput{AppInstanceBotArn: made.AppInstanceBotArn})
	s.ok(err)
	b, c := got.AppInstanceBot, got.AppInstanceBot.Configuration.Lex
	s.equal("bot", fmt.Sprint(*b.Name, *b.Metadata, *c.LexBotAliasArn, *c.LocaleId, *c.WelcomeIntent, c.InvokedBy.StandardMessages, c.InvokedBy.TargetedMessages),
		"Wardrobe"+"n"+*lex("CCCCCCCCCC").Lex.LexBotAliasArn+"fr_FR"+"Welcome"+"MENTIONS"+"ALL")
	s.recent("hired", b.CreatedTimestamp)
	_, err = s.id.ListAppInstanceBots(ctx, &identity.ListAppInstanceBotsInput{AppInstanceArn: &s.house})
	s.ok(err)
	names := map[string]bool{}
	for pages := identity.NewListAppInstanceBotsPaginator(s.id, &identity.ListAppInstanceBotsInput{AppInstanceArn: &s.house, MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		s.ok(err)
		for _, b := range page.AppInstanceBots {
			names[*b.Name] = true
			got, err := s.id.DescribeAppInstanceBot(ctx, &identity.DescribeAppInstanceBotInput{AppInstanceBotArn: b.AppInstanceBotArn})
			s.ok(err)
			s.equal("locale", *got.AppInstanceBot.Configuration.Lex.LocaleId, map[string]string{"Wardrobe": "fr_FR", "Bar": "en_US"}[*b.Name])
		}
	}
	s.equal("bots", fmt.Sprint(names), "map[Bar:true Wardrobe:true]")
	_, err = s.id.DeleteAppInstanceBot(ctx, &identity.DeleteAppInstanceBotInput{AppInstanceBotArn: made.AppInstanceBotArn})
	s.ok(err)
	_, err = s.id.DescribeAppInstanceBot(ctx, &identity.DescribeAppInstanceBotInput{AppInstanceBotArn: made.AppInstanceBotArn})
	is[*types.NotFoundException](s.world, err)
}

func (s *story) keepsPhones() {
	ctx, ann := s.Context(), aws.String(s.user["ann"])
	var ids []*string
	for _, kind := range []types.AppInstanceUserEndpointType{types.AppInstanceUserEndpointTypeApns, types.AppInstanceUserEndpointTypeGcm} {
		made, err := s.id.RegisterAppInstanceUserEndpoint(ctx, &identity.RegisterAppInstanceUserEndpointInput{AppInstanceUserArn: ann, Name: aws.String("phone"), Type: kind,
			AllowMessages: types.AllowMessagesAll, ResourceArn: aws.String("arn:aws:mobiletargeting:us-east-1:000000000000:apps/a"),
			EndpointAttributes: &types.EndpointAttributes{DeviceToken: aws.String("device"), VoipDeviceToken: aws.String("voip")}})
		s.ok(err)
		s.equal("whose", *made.AppInstanceUserArn, *ann)
		ids = append(ids, made.EndpointId)
	}
	updated, err := s.id.UpdateAppInstanceUserEndpoint(ctx, &identity.UpdateAppInstanceUserEndpointInput{AppInstanceUserArn: ann, EndpointId: ids[0], Name: aws.String("old phone"),
		AllowMessages: types.AllowMessagesNone})
	s.ok(err)
	s.equal("phone", *updated.AppInstanceUserArn+*updated.EndpointId, *ann+*ids[0])
	got, err := s.id.DescribeAppInstanceUserEndpoint(ctx, &identity.DescribeAppInstanceUserEndpointInput{AppInstanceUserArn: ann, EndpointId: ids[0]})
	s.ok(err)
	e := got.AppInstanceUserEndpoint
	s.equal("phone", fmt.Sprint(*e.Name, e.Type, e.AllowMessages, e.EndpointState.Status, *e.EndpointAttributes.DeviceToken, *e.EndpointAttributes.VoipDeviceToken, *e.ResourceArn),
		"old phone"+"APNS"+"NONE"+"ACTIVE"+"device"+"voip"+"arn:aws:mobiletargeting:us-east-1:000000000000:apps/a")
	s.recent("registered", e.CreatedTimestamp)
	s.recent("updated", e.LastUpdatedTimestamp)
	first, err := s.id.ListAppInstanceUserEndpoints(ctx, &identity.ListAppInstanceUserEndpointsInput{AppInstanceUserArn: ann, MaxResults: aws.Int32(1)})
	s.ok(err)
	rest, err := s.id.ListAppInstanceUserEndpoints(ctx, &identity.ListAppInstanceUserEndpointsInput{AppInstanceUserArn: ann, MaxResults: aws.Int32(1), NextToken: first.NextToken})
	s.ok(err)
	whole, err := s.id.ListAppInstanceUserEndpoints(ctx, &identity.ListAppInstanceUserEndpointsInput{AppInstanceUserArn: ann})
	s.ok(err)
	s.equal("phones", len(first.AppInstanceUserEndpoints)+len(rest.AppInstanceUserEndpoints), len(whole.AppInstanceUserEndpoints))
	_, err = s.id.DeregisterAppInstanceUserEndpoint(ctx, &identity.DeregisterAppInstanceUserEndpointInput{AppInstanceUserArn: ann, EndpointId: ids[0]})
	s.ok(err)
	rest, err = s.id.ListAppInstanceUserEndpoints(ctx, &identity.ListAppInstanceUserEndpointsInput{AppInstanceUserArn: ann})
	s.ok(err)
	s.equal("left", *rest.AppInstanceUserEndpoints[0].EndpointId, *ids[1])
}

// ties labels to things, by both services, which share the operations.
func (s *story) ties() {
	ctx := s.Context()
	_, err := s.id.TagResource(ctx, &identity.TagResourceInput{ResourceARN: &s.house, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	s.ok(err)
	_, err = s.msg.TagResource(ctx, &messaging.TagResourceInput{ResourceARN: &s.house, Tags: []msgtypes.Tag{{Key: aws.String("b"), Value: aws.String("2")}}})
	s.ok(err)
	_, err = s.id.UntagResource(ctx, &identity.UntagResourceInput{ResourceARN: &s.house, TagKeys: []string{"a"}})
	s.ok(err)
	tags, err := s.id.ListTagsForResource(ctx, &identity.ListTagsForResourceInput{ResourceARN: &s.house})
	s.ok(err)
	s.equal("tags", len(tags.Tags), 2)
	_, err = s.msg.UntagResource(ctx, &messaging.UntagResourceInput{ResourceARN: &s.house, TagKeys: []string{"b", "never"}})
	s.ok(err)
	left, err := s.msg.ListTagsForResource(ctx, &messaging.ListTagsForResourceInput{ResourceARN: &s.house})
	s.ok(err)
	s.equal("tags", *left.Tags[0].Key+*left.Tags[0].Value, "city"+"Lyon")
}

func (s *story) goesHome() {
	ctx := s.Context()
	_, err := s.id.DeleteAppInstanceUser(ctx, &identity.DeleteAppInstanceUserInput{AppInstanceUserArn: aws.String(s.user["eve"])})
	s.ok(err)
	_, err = s.msg.ListChannelMessages(ctx, &messaging.ListChannelMessagesInput{ChannelArn: &s.foyer, ChimeBearer: aws.String(s.user["eve"])})
	is[*msgtypes.UnauthorizedClientException](s.world, err)
	_, err = s.msg.DeleteChannel(ctx, &messaging.DeleteChannelInput{ChannelArn: &s.stage, ChimeBearer: aws.String(s.user["usher"])})
	s.ok(err)
	_, err = s.id.DeleteAppInstance(ctx, &identity.DeleteAppInstanceInput{AppInstanceArn: &s.house})
	s.ok(err)
	_, err = s.id.DescribeAppInstance(ctx, &identity.DescribeAppInstanceInput{AppInstanceArn: &s.house})
	is[*types.ForbiddenException](s.world, err)
	_, err = s.msg.DescribeChannel(ctx, &messaging.DescribeChannelInput{ChannelArn: &s.foyer, ChimeBearer: aws.String(s.user["ann"])})
	is[*msgtypes.UnauthorizedClientException](s.world, err)
}
