package rest

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// shape is what the API reference says about one kind of value.
type shape struct {
	min, max int            // characters of a string, entries of a list, or the value of a number; max 0 means none
	pattern  *regexp.Regexp // of the whole string; nil means any
	enum     []string
	of       string // shape of the entries of a list or the values of a map
	keys     string // shape of the keys of a map
	time     bool   // ISO 8601
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

const (
	arnPattern  = `arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1000}.{0,23}`
	idPattern   = `[A-Za-z0-9]([A-Za-z0-9\:\-\_\.\@]{0,62}[A-Za-z0-9])?`
	namePattern = `[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]*`
	wordPattern = `[-_a-zA-Z0-9]*`
	linePattern = `.*` // no line break
)

// shapes are the constraints of the two API models (2021-04-20 and 2021-05-15), by the models' own names.
var shapes = map[string]shape{
	"ChimeArn":             {min: 5, max: 1600, pattern: whole(arnPattern)},
	"NonEmptyResourceName": {min: 1, max: 256, pattern: whole(namePattern)},
	"UserName":             {min: 1, max: 100, pattern: whole(`.*\S.*`)},
	"UserId":               {min: 1, max: 64, pattern: whole(idPattern)},
	"ChannelId":            {min: 1, max: 64, pattern: whole(idPattern)},
	"Metadata":             {max: 1024, pattern: whole(linePattern)},
	"ClientRequestToken":   {min: 2, max: 64, pattern: whole(wordPattern)},
	"NextToken":            {max: 2048, pattern: whole(linePattern)},
	"MaxResults":           {min: 1, max: 50},
	"MessageId":            {min: 1, max: 128, pattern: whole(wordPattern)},
	"NonEmptyContent":      {min: 1},
	"ContentType":          {max: 45},
	"Timestamp":            {time: true},
	"ResourceName":         {max: 256, pattern: whole(namePattern)},

	"AllowMessages":               {enum: []string{"ALL", "NONE"}},
	"AppInstanceUserEndpointType": {enum: []string{"APNS", "APNS_SANDBOX", "GCM"}},
	"Name1600":                    {max: 1600, pattern: whole(linePattern)},         // SensitiveString1600
	"Token1600":                   {min: 1, max: 1600, pattern: whole(linePattern)}, // NonEmptySensitiveString1600
	"String64":                    {max: 64, pattern: whole(linePattern)},
	"String":                      {},
	"Structure":                   {}, // its members have shapes of their own
	"ExpirationDays":              {min: 1, max: 5475},
	"RetentionDays":               {min: 1, max: 5475},
	"UserExpirationCriterion":     {enum: []string{"CREATED_TIMESTAMP"}}, // the identity service's ExpirationCriterion
	"LexBotAliasArn":              {min: 15, max: 2048, pattern: whole(`arn:aws:lex:[a-z]{2}-[a-z]+-\d{1}:\d{12}:bot-alias/[A-Z0-9]{10}/[A-Z0-9]{10}`)},
	"LexIntentName":               {min: 1, max: 100, pattern: whole(`([A-Za-z]_?)+`)},
	"RespondsTo":                  {enum: []string{"STANDARD_MESSAGES"}},
	"StandardMessages":            {enum: []string{"AUTO", "ALL", "MENTIONS", "NONE"}},
	"TargetedMessages":            {enum: []string{"ALL", "NONE"}},
	"TagKey":                      {min: 1, max: 128},
	"TagValue":                    {min: 1, max: 256},
	"TagKeyList":                  {min: 1, max: 50, of: "TagKey"},
	"TagList":                     {min: 1, max: 50},

	"ChannelMode":                   {enum: []string{"UNRESTRICTED", "RESTRICTED"}},
	"ChannelPrivacy":                {enum: []string{"PUBLIC", "PRIVATE"}},
	"ChannelMembershipType":         {enum: []string{"DEFAULT", "HIDDEN"}},
	"ChannelMessageType":            {enum: []string{"STANDARD", "CONTROL"}},
	"ChannelMessagePersistenceType": {enum: []string{"PERSISTENT", "NON_PERSISTENT"}},
	"SortOrder":                     {enum: []string{"ASCENDING", "DESCENDING"}},
	"NetworkType":                   {enum: []string{"IPV4_ONLY", "DUAL_STACK"}},

	"ChannelMemberArns":            {min: 1, max: 10, of: "ChimeArn"},
	"ChannelModeratorArns":         {min: 1, max: 10, of: "ChimeArn"},
	"MemberArns":                   {min: 1, max: 100, of: "ChimeArn"},
	"TargetList":                   {min: 1, max: 1},
	"MessageAttributeMap":          {keys: "MessageAttributeName"},
	"MessageAttributeName":         {min: 1, max: 64},
	"MessageAttributeStringValues": {of: "MessageAttributeStringValue"},
	"MessageAttributeStringValue":  {min: 1, max: 512},
}

func badMember(member, why string, args ...any) error {
	return fault.New(fault.Invalid, "member", "Invalid value for "+member+": "+why, args...).On(member)
}

func (s shape) checkString(member, v string) error {
	n := utf8.RuneCountInString(v)
	switch {
	case !utf8.ValidString(v):
		return badMember(member, "the text is not valid UTF-8.")
	case strings.ContainsRune(v, 0): // no text of PostgreSQL holds one
		return badMember(member, "the text holds the character U+0000.")
	case s.time:
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return badMember(member, "it must be an ISO 8601 timestamp.")
		}
	case len(s.enum) > 0:
		if !slices.Contains(s.enum, v) {
			return badMember(member, "it must be one of %v.", s.enum)
		}
	case n < s.min:
		return badMember(member, "it must have at least %d characters.", s.min)
	case s.max > 0 && n > s.max:
		return badMember(member, "it must have at most %d characters.", s.max)
	case s.pattern != nil && !s.pattern.MatchString(v):
		return badMember(member, "it has characters that are not allowed.")
	}
	return nil
}

func (s shape) checkNumber(member string, n, low, high int, what string) error {
	if n < low {
		return badMember(member, "it must %s at least %d.", what, low)
	}
	if high > 0 && n > high {
		return badMember(member, "it must %s at most %d.", what, high)
	}
	return nil
}
