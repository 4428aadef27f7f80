// Package chat is the engine's domain: app instances, users, channels, members, messages, bans, and who may do what.
package chat
