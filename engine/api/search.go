package api

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/rest"
)

type searchFieldIn struct {
	Key      string   `is:"SearchFieldKey!"`
	Operator string   `is:"SearchFieldOperator!"`
	Values   []string `is:"SearchFieldValues!"`
}

type searchChannelsIn struct {
	Fields []searchFieldIn `is:"SearchFields!"`
	paging
}

// searchChannels wants the bearer although the model calls it optional: the API reference calls it mandatory, and there
// is nobody else to search for.
func (s *server) searchChannels(ctx context.Context, c rest.Call, in *searchChannelsIn) (any, error) {
	queries := each(in.Fields, func(f searchFieldIn) channel.Query {
		return channel.Query{Exactly: f.Operator == "EQUALS", Members: arns(f.Values)}
	})
	all, next, err := s.Search(ctx, c.Bearer, queries, in.page())
	return struct {
		Channels  []channel.SummaryWire[core.Epoch]
		NextToken string `json:",omitempty"`
	}{each(all, channel.WireSummary[core.Epoch]), next}, err
}
