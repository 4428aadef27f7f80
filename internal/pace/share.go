package pace

// QuietShare is the part of a bucket that is left to what nobody waits for, the sweep, while somebody uses all the rest; a
// forecast counts with it. Of the two percent that 100,000 tickets may take longer than the limit says, the windows may cost one
// and a half; and the sweep still goes on.
const QuietShare = 0.002
