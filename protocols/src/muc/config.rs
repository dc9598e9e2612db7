//! What an owner can set (XEP-0045, section 10.1.3; field names of its section 15.5.3).

use serde::{Deserialize, Serialize};

/// Who sees the real JIDs of occupants (`muc#roomconfig_whois`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Whois {
    /// Moderators: the room is semi-anonymous.
    Moderators,
    /// All occupants: the room is non-anonymous.
    Anyone,
}

/// Who may send private messages (`muc#roomconfig_allowpm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AllowPm {
    /// All occupants.
    Anyone,
    /// Those with voice.
    Participants,
    /// Moderators.
    Moderators,
    /// Nobody.
    None,
}

impl AllowPm {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Anyone,
        Self::Participants,
        Self::Moderators,
        Self::None,
    ];

    /// The value of the field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Participants => "participants",
            Self::Moderators => "moderators",
            Self::None => "none",
        }
    }
}

impl Whois {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Moderators, Self::Anyone];

    /// The value of the field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moderators => "moderators",
            Self::Anyone => "anyone",
        }
    }
}

/// The configuration of a room. [`RoomConfig::default`] is the one of a new ad hoc room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomConfig {
    /// Name for people (`roomname`), empty for none.
    pub name: String,
    /// Description (`roomdesc`), empty for none.
    pub description: String,
    /// Language of the discussions (`lang`, RFC 5646), empty for none.
    pub lang: String,
    /// Survives its last occupant, its node and the process (`persistentroom`).
    pub persistent: bool,
    /// Is listed by the service (`publicroom`).
    pub public: bool,
    /// Only members may enter (`membersonly`).
    pub members_only: bool,
    /// Only those with voice may speak (`moderatedroom`).
    pub moderated: bool,
    /// Needed to enter (`passwordprotectedroom` and `roomsecret`); `None` for an open door.
    pub password: Option<String>,
    /// Most occupants at a time (`maxusers`), admins and owners apart; `None` for no limit.
    pub max_users: Option<u32>,
    /// Who sees real JIDs (`whois`).
    pub whois: Whois,
    /// Whether those who are not moderators may change the subject (`changesubject`).
    pub change_subject: bool,
    /// Most messages of history sent to somebody who enters and does not say how much it wants
    /// (`maxhistoryfetch`); 0: nobody gets any.
    pub history_length: u32,
    /// Whether those who are not moderators may invite (`allowinvites`).
    pub allow_invites: bool,
    /// Who may send private messages (`allowpm`).
    pub allow_pm: AllowPm,
    /// Whether members may ask to become one (`jabber:iq:register` at the room).
    pub allow_registration: bool,
    /// Whether visitors may ask for voice (section 7.13).
    pub allow_voice_requests: bool,
    /// Whether discussions are logged to a public archive (`enablelogging`).
    pub logging: bool,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            lang: String::new(),
            persistent: false,
            public: true,
            members_only: false,
            moderated: false,
            password: None,
            max_users: None,
            whois: Whois::Moderators,
            change_subject: false,
            history_length: 20,
            allow_invites: true,
            allow_pm: AllowPm::Anyone,
            allow_registration: true,
            allow_voice_requests: true,
            logging: false,
        }
    }
}
