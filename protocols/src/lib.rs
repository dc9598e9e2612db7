//! The languages of the deployment: XMPP and SIP without I/O.
