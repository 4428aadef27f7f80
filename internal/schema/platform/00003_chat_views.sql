-- +goose Up
-- What pass, moderate and archive may see of other rooms' tables. Whose they are stands beside each.

-- event: does a show have a chat, and how far is it?
CREATE VIEW chat_event AS SELECT id AS event_id, chat, state, ended_ms FROM event;

-- gate: who holds a ticket as what.
CREATE VIEW ticket_role AS SELECT id AS ticket_id, event_id, role, valid FROM ticket;

-- nick: the name a person chose; the provider's may still be an older one.
CREATE VIEW chosen_name AS SELECT ticket_id, event_id, name FROM nickname;
