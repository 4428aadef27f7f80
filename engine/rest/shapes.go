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
	min, max int               // characters of a string, entries of a list, or the value of a number; max 0 means none
	match    func(string) bool // of the whole string; nil means any
	enum     []string
	of       string // shape of the entries of a list or the values of a map
	keys     string // shape of the keys of a map
	time     bool   // ISO 8601
}

func whole(pattern string) func(string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString
}

const (
	idPattern   = `[A-Za-z0-9]([A-Za-z0-9\:\-\_\.\@]{0,62}[A-Za-z0-9])?`
	namePattern = `[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]*`
)

// The patterns that every request meets are matched by hand: the one of an ARN alone cost a tenth of a whole send. A test
// holds them against the models' regular expressions.

// isARN is arn:[a-z0-9-\.]{1,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[a-z0-9-\.]{0,63}:[^/].{0,1023}
func isARN(s string) bool {
	rest, ok := strings.CutPrefix(s, "arn:")
	for i := 0; ok && i < 4; i++ {
		var part string
		part, rest, ok = strings.Cut(rest, ":")
		ok = ok && len(part) <= 63 && (i > 0 || part != "") && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
	}
	if !ok || rest == "" || rest[0] == '/' {
		return false
	}
	_, size := utf8.DecodeRuneInString(rest)
	return isLine(rest[size:]) && utf8.RuneCountInString(rest[size:]) <= 1023
}

// isWord is [-_a-zA-Z0-9]*
func isWord(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// isLine is .* – no line break.
func isLine(s string) bool { return strings.IndexByte(s, '\n') < 0 }

// shapes are the constraints of the two API models (2021-04-20 and 2021-05-15), by the models' own names.
var shapes = map[string]shape{
	"ChimeArn":             {min: 5, max: 1600, match: isARN},
	"NonEmptyResourceName": {min: 1, max: 256, match: whole(namePattern)},
	"UserName":             {min: 1, max: 100, match: whole(`.*\S.*`)},
	"UserId":               {min: 1, max: 64, match: whole(idPattern)},
	"ChannelId":            {min: 1, max: 64, match: whole(idPattern)},
	"Metadata":             {max: 1024, match: isLine},
	"ClientRequestToken":   {min: 2, max: 64, match: isWord},
	"NextToken":            {max: 2048, match: isLine},
	"MaxResults":           {min: 1, max: 50},
	"MessageId":            {min: 1, max: 128, match: isWord},
	"NonEmptyContent":      {min: 1},
	"ContentType":          {max: 45},
	"SubChannelId":         {min: 1, max: 128, match: isWord},
	"MaximumSubChannels":   {min: 2},
	"FilterRule":           {min: 1},
	"SearchFieldValue":     {min: 1, max: 512},

	"TargetMembershipsPerSubChannel": {min: 2},
	"MinimumMembershipPercentage":    {min: 1, max: 40},

	"Timestamp":    {time: true},
	"ResourceName": {max: 256, match: whole(namePattern)},

	"AllowMessages":               {enum: []string{"ALL", "NONE"}},
	"AppInstanceUserEndpointType": {enum: []string{"APNS", "APNS_SANDBOX", "GCM"}},
	"Name1600":                    {max: 1600, match: isLine},         // SensitiveString1600
	"Token1600":                   {min: 1, max: 1600, match: isLine}, // NonEmptySensitiveString1600
	"String64":                    {max: 64, match: isLine},
	"String":                      {},
	"Structure":                   {}, // its members have shapes of their own
	"ExpirationDays":              {min: 1, max: 5475},
	"RetentionDays":               {min: 1, max: 5475},
	"UserExpirationCriterion":     {enum: []string{"CREATED_TIMESTAMP"}}, // the identity service's ExpirationCriterion
	"LexBotAliasArn":              {min: 15, max: 2048, match: whole(`arn:aws:lex:[a-z]{2}-[a-z]+-\d{1}:\d{12}:bot-alias/[A-Z0-9]{10}/[A-Z0-9]{10}`)},
	"LexIntentName":               {min: 1, max: 100, match: whole(`([A-Za-z]_?)+`)},
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

	"LambdaFunctionArn":          {min: 15, max: 2048, match: whole(`arn:aws:lambda:[a-z]{2}-[a-z]+-\d{1}:\d{12}:function:[a-zA-Z0-9\-_\.]+(:(\$LATEST|[a-zA-Z0-9\-_]+))?`)},
	"LambdaConfiguration":        {},
	"ProcessorConfiguration":     {},
	"ProcessorList":              {min: 1, max: 3},
	"ChannelFlowExecutionOrder":  {min: 1, max: 3},
	"FallbackAction":             {enum: []string{"CONTINUE", "ABORT"}},
	"InvocationType":             {enum: []string{"ASYNC"}},
	"CallbackIdType":             {min: 32, max: 64},
	"ChannelMessageCallback":     {},
	"NonNullableBoolean":         {},
	"MessagingDataType":          {enum: []string{"Channel", "ChannelMessage"}},
	"StreamingConfigurationList": {min: 1, max: 2},

	"ExpirationCriterion":           {enum: []string{"CREATED_TIMESTAMP", "LAST_MESSAGE_TIMESTAMP"}}, // the messaging service's
	"AllowNotifications":            {enum: []string{"ALL", "NONE", "FILTERED"}},
	"SearchFieldKey":                {enum: []string{"MEMBERS"}},
	"SearchFieldOperator":           {enum: []string{"EQUALS", "INCLUDES"}},
	"SearchFields":                  {min: 1, max: 20},
	"SearchFieldValues":             {min: 1, max: 20, of: "SearchFieldValue"},
	"ChannelMemberArns":             {min: 1, max: 10, of: "ChimeArn"},
	"ChannelModeratorArns":          {min: 1, max: 10, of: "ChimeArn"},
	"MemberArns":                    {min: 1, max: 100, of: "ChimeArn"},
	"TargetList":                    {min: 1, max: 1},
	"PushNotificationConfiguration": {},
	"PushNotificationTitle":         {min: 1, max: 50, match: isLine},
	"PushNotificationBody":          {min: 1, max: 150},
	"PushNotificationType":          {enum: []string{"DEFAULT", "VOIP"}},
	"MessageAttributeMap":           {keys: "MessageAttributeName"},
	"MessageAttributeName":          {min: 1, max: 64},
	"MessageAttributeStringValues":  {of: "MessageAttributeStringValue"},
	"MessageAttributeStringValue":   {min: 1, max: 512},
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
	case s.match != nil && !s.match(v):
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
