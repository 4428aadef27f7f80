package api

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// sentOut answers what was written to a channel.
type sentOut struct {
	ChannelArn   arn.ARN
	MessageId    string // the wire's name
	Status       message.StatusWire
	SubChannelId string `json:",omitempty"` // the wire's name
}

func sent(m message.Message) sentOut {
	return sentOut{m.Channel, m.ID, message.StatusOf(m), m.Sub}
}

func (s *server) sendChannelMessage(ctx context.Context, c rest.Call, in *sendChannelMessageIn) (any, error) {
	m := message.NewMessage{Type: in.Type, Persistence: in.Persistence, Content: in.Content, ContentType: in.ContentType,
		Metadata: in.Metadata, Attributes: attributes(in.MessageAttributes)}
	if len(in.Target) > 0 {
		m.Target = arn.ARN(in.Target[0].MemberArn)
	}
	out, err := s.Send(ctx, c.Bearer, in.place(in.SubChannelId), in.ClientRequestToken, m)
	return sent(out), err
}

func (s *server) getChannelMessage(ctx context.Context, c rest.Call, in *onMessage) (any, error) {
	m, err := s.Message(ctx, c.Bearer, in.place(in.SubChannelId), in.MessageId)
	return struct {
		ChannelMessage message.Wire[core.Epoch]
	}{message.WireOf[core.Epoch](m)}, err
}

func (s *server) getChannelMessageStatus(ctx context.Context, c rest.Call, in *onMessage) (any, error) {
	status, err := s.MessageStatus(ctx, c.Bearer, in.place(in.SubChannelId), in.MessageId)
	return struct{ Status message.StatusWire }{status}, err
}

// millis reads a timestamp that has passed its shape; "" is 0.
func millis(text string, up time.Duration) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return t.Add(up).UnixMilli()
}

func (s *server) listChannelMessages(ctx context.Context, c rest.Call, in *listChannelMessagesIn) (any, error) {
	h := message.History{
		OldestFirst: in.SortOrder == "ASCENDING",
		NotBefore:   millis(in.NotBefore, time.Millisecond-1), // times between two milliseconds round up at this end
		NotAfter:    millis(in.NotAfter, 0),
	}
	place := in.place(in.SubChannelId)
	if h == (message.History{}) && in.page().Token == "" {
		return s.ListNewest(ctx, c.Bearer, place, in.page().Max)
	}
	all, next, err := s.Messages.List(ctx, c.Bearer, place, h, in.page())
	return message.WireList(place, all, next), err
}

func (s *server) updateChannelMessage(ctx context.Context, c rest.Call, in *updateChannelMessageIn) (any, error) {
	m, err := s.UpdateMessage(ctx, c.Bearer, in.place(in.SubChannelId), in.MessageId,
		message.Edit{Content: in.Content, ContentType: in.ContentType, Metadata: in.Metadata})
	return sent(m), err
}

func (s *server) redactChannelMessage(ctx context.Context, c rest.Call, in *redactChannelMessageIn) (any, error) {
	err := s.RedactMessage(ctx, c.Bearer, in.place(in.SubChannelId), in.MessageId)
	return struct {
		ChannelArn   arn.ARN
		MessageId    string // the wire's name
		SubChannelId string `json:",omitempty"` // the wire's name
	}{in.channel(), in.MessageId, in.SubChannelId}, err
}

func (s *server) deleteChannelMessage(ctx context.Context, c rest.Call, in *onMessage) (any, error) {
	return empty{}, s.DeleteMessage(ctx, c.Bearer, in.place(in.SubChannelId), in.MessageId)
}
