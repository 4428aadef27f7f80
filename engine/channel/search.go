package channel

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Query is one thing that channels are searched by: their members include all of these users, or are exactly these.
type Query struct {
	Exactly bool // operator EQUALS; else INCLUDES
	Members []arn.ARN
}

// Search lists the channels that every query is true of, among the bearer's own, or among all of the app instance for an
// admin. Hidden members are not found. An elastic channel is found by INCLUDES alone.
func (c *Channels) Search(ctx context.Context, bearer arn.ARN, all []Query, p core.Page) ([]Channel, string, error) {
	a, err := c.Bearer(ctx, c.DB, bearer)
	if err != nil {
		return nil, "", err
	}
	if err := a.May("SearchChannels", true); err != nil {
		return nil, "", err
	}
	wanted, exactly, possible, err := c.wanted(ctx, a, all)
	if err != nil {
		return nil, "", err
	}
	name := core.List("search", core.Itoa(a.No), wanted.keys(), map[bool]string{true: "exactly"}[exactly])
	after, err := p.KeyNo(name, 0)
	if err != nil || !possible {
		return nil, "", err
	}
	own := a.No
	if a.Admin {
		own = 0
	}
	found, err := db.All(ctx, c.DB, (*Channel).fields, searchSQL, wanted.keys(), len(wanted), a.App, after, own, exactly, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range found {
		found[i] = c.named(found[i])
	}
	found, next := core.Cut(found, p, name, func(ch Channel) string { return core.Itoa(ch.no) })
	return found, next, nil
}

// The way in is the memberships of the users searched for ($1, $2 of them): channels they all share. $5 is who must be a
// member as well, 0 for nobody; $6 says that nobody else may be.
const searchSQL = `SELECT ` + channelColumns + ` FROM (
  SELECT CASE WHEN p.parent > 0 THEN p.parent ELSE p.no END AS no, count(DISTINCT m.member) AS shared
  FROM json_each($1) j JOIN channel_membership m ON m.member = CAST(j.key AS BIGINT) AND m.type = 'DEFAULT'
  JOIN channel p ON p.no = m.channel GROUP BY 1) f
JOIN channel c ON c.no = f.no AND c.app = $3
WHERE f.shared = CAST($2 AS BIGINT) AND c.no > $4
AND (CAST($5 AS BIGINT) = 0
  OR EXISTS (SELECT 1 FROM channel_membership b WHERE b.channel = c.no AND b.member = $5)
  OR EXISTS (SELECT 1 FROM channel p JOIN channel_membership b ON b.channel = p.no WHERE p.parent = c.no AND p.parent > 0 AND b.member = $5))
AND (NOT CAST($6 AS BOOLEAN) OR c.max_subs = 0 AND NOT EXISTS (SELECT 1 FROM channel_membership o WHERE o.channel = c.no
  AND o.type = 'DEFAULT' AND o.member NOT IN (SELECT CAST(j.key AS BIGINT) FROM json_each($1) j)))
ORDER BY c.no LIMIT $7`

// people is a set of users by their numbers.
type people map[int64]bool

// keys writes the numbers as the keys of one JSON object, sorted: json_each yields keys as text on both databases.
func (p people) keys() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers only
	}
	return string(text)
}

// wanted adds the queries up: everybody named must be a member. possible is false when no channel can be found: somebody
// does not exist, or two queries name different sets that the members must be exactly.
func (c *Channels) wanted(ctx context.Context, a role.Actor, all []Query) (union people, exactly, possible bool, err error) {
	union, possible = people{}, true
	var sets []people
	for _, q := range all {
		set := people{}
		for _, m := range q.Members {
			if !m.Is(arn.KindUser) && !m.Is(arn.KindBot) {
				return nil, false, false, fault.New(fault.Invalid, "values", "The values to search for must be ARNs of users: %.80q.",
					strings.ToValidUTF8(string(m), "")).On("Fields")
			}
			u, err := c.ids.UserOf(ctx, c.DB, c.InstanceARN(a.App), m)
			if core.IsGone(err) {
				possible = false
				continue
			}
			if err != nil {
				return nil, false, false, err
			}
			set[u.No], union[u.No] = true, true
		}
		if q.Exactly {
			exactly = true
			sets = append(sets, set)
		}
	}
	for _, set := range sets {
		possible = possible && len(set) == len(union)
	}
	return union, exactly, possible, nil
}
