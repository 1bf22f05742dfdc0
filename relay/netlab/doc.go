// Package netlab has only tests: a real node, not in lab mode, in a home made of
// Linux network namespaces, and around it a world in which every address of both
// families exists. A DNS server there answers whatever a test wants, and packet
// captures on both ends of the only wire are the judges: what counts is not what
// the node says it did but what left its network card, or looped back on it.
//
// A namespace belongs to a process of the test binary, started again in another
// role, and goes when that process goes; nothing with a name is left behind. It
// needs root and `ip` of iproute2; without them the tests are skipped and say why.
// The node has the bounds it ships with, so the test starts it anew before they
// are reached. FALLOW_SOAK, a whole number above 0, asks for the long campaign.
//
// Nothing imports it.
package netlab
