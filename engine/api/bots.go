package api

import (
	"context"
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// botConfiguration is the structure Configuration of the API reference, on its way in and out.
type botConfiguration struct {
	Lex *lexConfiguration `is:"Structure!"`
}

type lexConfiguration struct {
	RespondsTo     string     `is:"RespondsTo" json:",omitempty"`
	InvokedBy      *invokedBy `is:"Structure" json:",omitempty"`
	LexBotAliasArn string     `is:"LexBotAliasArn!"`
	LocaleId       string     `is:"String!"` // the wire's name
	WelcomeIntent  string     `is:"LexIntentName" json:",omitempty"`
}

type invokedBy struct {
	StandardMessages string `is:"StandardMessages!"`
	TargetedMessages string `is:"TargetedMessages!"`
}

// kept writes the configuration as it is kept; "" for none.
func (c *botConfiguration) kept() string {
	if c == nil {
		return ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

type onBot struct {
	AppInstanceBotArn string `wire:"path=appInstanceBotArn" is:"ChimeArn!"`
}

type botArnOut struct{ AppInstanceBotArn arn.ARN }

type createAppInstanceBotIn struct {
	AppInstanceArn     string `is:"ChimeArn!"`
	Name               string `is:"ResourceName"`
	Metadata           string `is:"Metadata"`
	ClientRequestToken string `is:"ClientRequestToken!"`
	tagged
	Configuration *botConfiguration `is:"Structure!"`
}

func (s *server) createAppInstanceBot(ctx context.Context, _ rest.Call, in *createAppInstanceBotIn) (any, error) {
	a, err := s.CreateBot(ctx, in.ClientRequestToken, identity.NewBot{Instance: arn.ARN(in.AppInstanceArn), Name: in.Name,
		Metadata: in.Metadata, Configuration: in.Configuration.kept(), Tags: in.tags()})
	return botArnOut{a}, err
}

type botOut struct {
	AppInstanceBotArn    arn.ARN
	Name                 string          `json:",omitempty"`
	Metadata             string          `json:",omitempty"`
	Configuration        json.RawMessage `json:",omitempty"`
	CreatedTimestamp     core.Epoch      `json:",omitzero"`
	LastUpdatedTimestamp core.Epoch      `json:",omitzero"`
}

func (s *server) describeAppInstanceBot(ctx context.Context, _ rest.Call, in *onBot) (any, error) {
	b, err := s.Bot(ctx, arn.ARN(in.AppInstanceBotArn))
	return struct{ AppInstanceBot botOut }{botOut{b.ARN, b.Name, b.Metadata, json.RawMessage(b.Configuration),
		core.Epoch(b.CreatedMS), core.Epoch(b.UpdatedMS)}}, err
}

type listAppInstanceBotsIn struct {
	AppInstanceArn string `wire:"query=app-instance-arn" is:"ChimeArn!"`
	paging
}

func (s *server) listAppInstanceBots(ctx context.Context, _ rest.Call, in *listAppInstanceBotsIn) (any, error) {
	all, next, err := s.Bots(ctx, arn.ARN(in.AppInstanceArn), in.page())
	return struct {
		AppInstanceArn  string
		AppInstanceBots []botOut
		NextToken       string `json:",omitempty"`
	}{in.AppInstanceArn, each(all, func(b identity.Bot) botOut {
		return botOut{AppInstanceBotArn: b.ARN, Name: b.Name, Metadata: b.Metadata}
	}), next}, err
}

type updateAppInstanceBotIn struct {
	onBot
	Name          string            `is:"ResourceName!"`
	Metadata      string            `is:"Metadata!"`
	Configuration *botConfiguration `is:"Structure"`
}

func (s *server) updateAppInstanceBot(ctx context.Context, _ rest.Call, in *updateAppInstanceBotIn) (any, error) {
	a := arn.ARN(in.AppInstanceBotArn)
	return botArnOut{a}, s.UpdateBot(ctx, a, in.Name, in.Metadata, in.Configuration.kept())
}

func (s *server) deleteAppInstanceBot(ctx context.Context, _ rest.Call, in *onBot) (any, error) {
	return empty{}, s.DeleteBot(ctx, arn.ARN(in.AppInstanceBotArn))
}
