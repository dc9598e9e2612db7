//! XMPP-1, XMPP-2, XMPP-3 over real sockets: whatever comes in, it gets the standard's answer and
//! its connection ends, while two well-behaved clients beside it exchange numbered messages all the
//! time and do not notice.

mod answers;
mod beside;
mod broken;
mod crowd;
mod guesses;
mod raw;
mod stalls;
mod streams;
