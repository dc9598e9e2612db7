//! Client streams as conversations (RFC 6120, XEP-0170, XEP-0198; XMPP-1, XMPP-3, SES-1, SES-2).

mod anything;
mod driver;
mod login;
mod refusals;
mod resumption;
mod whole;
