package provision_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// In a haunted world the provider forgets, and somebody else has hands in our account. A sweep puts it right.

var haunts = []func(*sim){
	(*sim).forgetPerson, (*sim).forgetPerson, (*sim).forgetRole, (*sim).forgetChannel, (*sim).forgetInstance, (*sim).forgetAdmin, (*sim).renameByHand, (*sim).haunt, (*sim).haunt,
	(*sim).strangerComes,
}

// home is an app instance of ours, nil if there is none yet.
func (s *sim) home() *provisiontest.Instance {
	var ours []provisiontest.Instance
	for _, in := range s.provider.Everything() {
		if !in.Stranger {
			ours = append(ours, in)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	in := ours[s.rnd.IntN(len(ours))]
	return &in
}

func (s *sim) forgetPerson() {
	in, t := s.home(), s.ticket(func(*simTicket) bool { return true })
	if in != nil && t != nil && s.provider.Forget(in.ARN+"/user/"+t.user()) {
		s.note("the provider forgets the account of %s", t.id)
	}
}

func (s *sim) forgetRole() {
	in, t := s.home(), s.ticket(func(*simTicket) bool { return true })
	if in != nil && t != nil && s.provider.Forget(in.ARN+"/channel/"+string(t.show.id), in.ARN+"/user/"+t.user()) {
		s.note("the provider forgets that %s is in the channel", t.id)
	}
}

func (s *sim) forgetChannel() {
	if in := s.home(); in != nil {
		for c := range in.Channels {
			s.note("the provider forgets channel %s: %v", c, s.provider.Forget(in.ARN+"/channel/"+c))
			return
		}
	}
}

func (s *sim) forgetInstance() {
	if in := s.home(); in != nil && s.rnd.IntN(2) == 0 {
		s.note("the provider forgets app instance %s: %v", in.Name, s.provider.Forget(in.ARN))
	}
}

func (s *sim) forgetAdmin() {
	if in := s.home(); in != nil && len(in.Admins) > 0 && len(in.Channels) > 0 {
		s.note("the provider forgets admin %s of %s: %v", in.Admins[0], in.Name, s.provider.Forget(in.ARN+"/user/"+in.Admins[0]))
	}
}

// renameByHand: somebody gives an account another name.
func (s *sim) renameByHand() {
	in, t := s.home(), s.ticket(func(*simTicket) bool { return true })
	if in == nil || t == nil || in.Users[t.user()] == "" {
		return
	}
	s.note("somebody renames %s", t.id)
	t.renamed = true
	s.provider.Rename(in.ARN+"/user/"+t.user(), "Somebody else")
}

// haunt: an account of a refunded ticket is there again.
func (s *sim) haunt() {
	in, t := s.home(), s.ticket(func(t *simTicket) bool { return !t.valid })
	if in != nil && t != nil && s.provider.Haunt(in.ARN, t.user(), "Ghost") {
		s.note("an account of %s appears in %s", t.id, in.Name)
	}
}

func (s *sim) strangerComes() {
	if in := s.home(); in != nil {
		n := s.rnd.IntN(1000)
		s.note("a stranger has account and channel %d in %s", n, in.Name)
		s.provider.Stranger(in.ARN, "user", fmt.Sprint("somebody-", n), "Some Body")
		s.provider.Stranger(in.ARN, "channel", fmt.Sprint("theirs-", n), "Theirs")
	}
	s.provider.Stranger("", "", "", "stagedoor")
}

// exorcise asks for a sweep, as people would.
func (s *sim) exorcise() {
	p := provision.New(provision.Config{DB: s.db, Chime: simClient(s.provider.Wire(nil)), Bus: &bus.Bus{}, Preset: s.preset, Holder: "people"})
	if err := p.Sweep(context.Background()); err != nil {
		s.Error(err)
	}
}

// untouched says which strangers' things were touched, but for those that went with an app instance of ours.
func (s *sim) untouched() (out []string) {
	left := map[string]bool{}
	for _, in := range s.provider.Everything() {
		left[in.ARN] = true
	}
	for _, a := range s.provider.Harmed() {
		if home, _, inside := strings.Cut(a, "/user/"); inside && !left[home] {
			continue
		}
		if home, _, inside := strings.Cut(a, "/channel/"); inside && !left[home] {
			continue
		}
		out = append(out, a)
	}
	return out
}

// sweepEach is how often people ask for a sweep until a haunted world is right.
const sweepEach = 45 * time.Second
