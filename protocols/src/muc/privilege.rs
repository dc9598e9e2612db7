//! Affiliations, roles, and who may do what to whom (XEP-0045, sections 5.1 and 5.2).
//!
//! The functions here are the tables of the specification and nothing else: no room, no occupants.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A user's long-lived position in a room, kept by bare JID (XEP-0045, section 5.2).
///
/// Ordered: each can do what a lower one can.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// No affiliation.
    #[default]
    None,
    /// On the member list.
    Member,
    /// May change member and ban list and make moderators.
    Admin,
    /// May change everything, and destroy the room.
    Owner,
}

impl Affiliation {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] = [
        Self::Outcast,
        Self::None,
        Self::Member,
        Self::Admin,
        Self::Owner,
    ];

    /// The value of the attribute `affiliation`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The affiliation that the attribute's value names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|affiliation| affiliation.as_str() == name)
    }
}

impl fmt::Display for Affiliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An occupant's position during one visit (XEP-0045, section 5.1). Ordered like
/// [`Affiliation`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Role {
    /// Not in the room.
    #[default]
    None,
    /// In the room, without voice.
    Visitor,
    /// In the room, may speak.
    Participant,
    /// May kick, and give and take voice.
    Moderator,
}

impl Role {
    /// All of them, lowest first.
    pub const ALL: [Self; 4] = [
        Self::None,
        Self::Visitor,
        Self::Participant,
        Self::Moderator,
    ];

    /// The value of the attribute `role`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }

    /// The role that the attribute's value names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The role that somebody enters with (XEP-0045, table "Initial Role Based on Affiliation").
/// [`Role::None`] for those who may not enter.
#[must_use]
pub fn initial_role(affiliation: Affiliation, moderated: bool, members_only: bool) -> Role {
    match affiliation {
        Affiliation::Outcast => Role::None,
        Affiliation::None if members_only => Role::None,
        Affiliation::None if moderated => Role::Visitor,
        Affiliation::None | Affiliation::Member => Role::Participant,
        Affiliation::Admin | Affiliation::Owner => Role::Moderator,
    }
}

/// Why a change of a role or an affiliation is refused: each is named as the stanza error it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The one who asks lacks the privilege altogether.
    Forbidden,
    /// The privilege does not reach as high as the one it is used on.
    NotAllowed,
    /// Oneself cannot be banned, and a room cannot lose its last owner.
    Conflict,
}

/// Whether `actor` may give `target` the role `to` (XEP-0045, table "Role State Chart", sections
/// 8.2 to 8.5, 9.6 and 9.7). Affiliations are those of the two, roles those of the moment.
///
/// # Errors
/// [`Refusal::Forbidden`] if the actor may make no such change of anybody's role,
/// [`Refusal::NotAllowed`] if the target is out of reach.
pub fn may_change_role(
    actor: (Affiliation, Role),
    target: (Affiliation, Role),
    to: Role,
) -> Result<(), Refusal> {
    let (by, by_role) = actor;
    let (of, from) = target;
    let admin = by >= Affiliation::Admin;
    let moderator = by_role == Role::Moderator;
    let touches_moderators = from == Role::Moderator || to == Role::Moderator;
    let allowed = if touches_moderators && to != Role::None {
        admin
    } else {
        moderator || admin
    };
    if !allowed {
        return Err(Refusal::Forbidden);
    }
    if to >= from {
        return Ok(());
    }
    // Taking something away: never from an admin or owner by changing the role, not upwards,
    // and a moderator is touched by admins and owners only.
    let protected = match to {
        Role::None => of > by || (from == Role::Moderator && (!admin || of >= by)),
        Role::Visitor | Role::Participant | Role::Moderator => {
            of >= Affiliation::Admin || (of >= by && !admin && of > Affiliation::None)
        }
    };
    if protected {
        Err(Refusal::NotAllowed)
    } else {
        Ok(())
    }
}

/// Whether `actor` may change `target`'s affiliation to `to` (XEP-0045, table "Affiliation State
/// Chart", sections 9.1 to 9.5 and 10.3 to 10.8). The last owner is the room's own affair.
///
/// # Errors
/// [`Refusal::Forbidden`] if the actor may make no such change of anybody's affiliation,
/// [`Refusal::NotAllowed`] if the target is out of reach.
pub fn may_change_affiliation(
    actor: Affiliation,
    target: Affiliation,
    to: Affiliation,
) -> Result<(), Refusal> {
    match actor {
        Affiliation::Owner => Ok(()),
        Affiliation::Admin if to >= Affiliation::Admin => Err(Refusal::Forbidden),
        Affiliation::Admin if target >= Affiliation::Admin => Err(Refusal::NotAllowed),
        Affiliation::Admin => Ok(()),
        Affiliation::Outcast | Affiliation::None | Affiliation::Member => Err(Refusal::Forbidden),
    }
}

/// The role that a present occupant has after a change of its affiliation (XEP-0045, notes to
/// section 5.1.3). Higher affiliations bring their role; who loses one of the two highest falls
/// back to what it would enter with. [`Role::None`] means that it must leave.
#[must_use]
pub fn role_after(
    before: (Affiliation, Role),
    after: Affiliation,
    moderated: bool,
    members_only: bool,
) -> Role {
    let entering = initial_role(after, moderated, members_only);
    let (affiliation, role) = before;
    let lost_high = affiliation >= Affiliation::Admin && after < Affiliation::Admin;
    if entering == Role::None || lost_high {
        entering
    } else {
        role.max(entering)
    }
}

#[cfg(test)]
mod tests {
    use super::Affiliation as A;
    use super::Role as R;
    use super::*;

    /// XEP-0045, section 7.2.4 ("Initial Role Based on Affiliation"), outcasts apart.
    #[test]
    fn initial_roles() {
        let table = [
            // moderated, members-only, none, member, admin, owner
            (
                true,
                false,
                [R::Visitor, R::Participant, R::Moderator, R::Moderator],
            ),
            (
                false,
                false,
                [R::Participant, R::Participant, R::Moderator, R::Moderator],
            ),
            (
                false,
                true,
                [R::None, R::Participant, R::Moderator, R::Moderator],
            ),
            (
                true,
                true,
                [R::None, R::Participant, R::Moderator, R::Moderator],
            ),
        ];
        for (moderated, members_only, roles) in table {
            let affiliations = [A::None, A::Member, A::Admin, A::Owner];
            for (affiliation, role) in affiliations.into_iter().zip(roles) {
                assert_eq!(initial_role(affiliation, moderated, members_only), role);
            }
            assert_eq!(initial_role(A::Outcast, moderated, members_only), R::None);
        }
    }

    /// XEP-0045, section 5.2.3 ("Affiliation State Chart"): who may make which change. Written out
    /// cell by cell; rows are the affiliation before, columns after.
    #[test]
    fn affiliation_state_chart() {
        const ADMIN: A = A::Admin;
        const OWNER: A = A::Owner;
        // The lowest affiliation that may make the change.
        let chart: [[A; 5]; 5] = [
            // to outcast, none, member, admin, owner
            [ADMIN, ADMIN, ADMIN, OWNER, OWNER], // from outcast
            [ADMIN, ADMIN, ADMIN, OWNER, OWNER], // from none
            [ADMIN, ADMIN, ADMIN, OWNER, OWNER], // from member
            [OWNER, OWNER, OWNER, OWNER, OWNER], // from admin
            [OWNER, OWNER, OWNER, OWNER, OWNER], // from owner
        ];
        for (from, row) in A::ALL.into_iter().zip(chart) {
            for (to, needed) in A::ALL.into_iter().zip(row) {
                for actor in A::ALL {
                    let may = may_change_affiliation(actor, from, to).is_ok();
                    assert_eq!(may, actor >= needed, "{actor} changes {from} to {to}");
                }
            }
        }
    }

    /// XEP-0045, section 9.1: an admin who reaches too high gets `not-allowed`, everybody else
    /// `forbidden`.
    #[test]
    fn affiliation_refusals() {
        use Refusal::{Forbidden, NotAllowed};
        assert_eq!(
            may_change_affiliation(A::Admin, A::Owner, A::Outcast),
            Err(NotAllowed)
        );
        assert_eq!(
            may_change_affiliation(A::Admin, A::None, A::Owner),
            Err(Forbidden)
        );
        assert_eq!(
            may_change_affiliation(A::Member, A::None, A::Outcast),
            Err(Forbidden)
        );
        assert_eq!(
            may_change_affiliation(A::Outcast, A::Outcast, A::None),
            Err(Forbidden)
        );
    }

    /// XEP-0045, sections 8.3 and 8.4: voice is given and taken by moderators, never taken from an
    /// admin or owner.
    #[test]
    fn voice() {
        let moderator = (A::None, R::Moderator);
        let grant = |target| may_change_role(moderator, target, R::Participant);
        let revoke = |target| may_change_role(moderator, target, R::Visitor);
        assert_eq!(grant((A::None, R::Visitor)), Ok(()));
        assert_eq!(revoke((A::None, R::Participant)), Ok(()));
        assert_eq!(
            revoke((A::Member, R::Participant)),
            Err(Refusal::NotAllowed)
        );
        let owner = (A::Owner, R::Moderator);
        for target in [A::Admin, A::Owner] {
            let to = may_change_role(owner, (target, R::Participant), R::Visitor);
            assert_eq!(to, Err(Refusal::NotAllowed));
        }
        assert_eq!(
            may_change_role(owner, (A::Member, R::Participant), R::Visitor),
            Ok(())
        );
        for mere in [R::None, R::Visitor, R::Participant] {
            let to = may_change_role((A::Member, mere), (A::None, R::Visitor), R::Participant);
            assert_eq!(to, Err(Refusal::Forbidden));
        }
    }

    /// XEP-0045, section 8.2: nobody is kicked from below; a mere moderator kicks no moderator.
    #[test]
    fn kick() {
        let kick = |by, of| may_change_role(by, of, R::None);
        let moderator = (A::Member, R::Moderator);
        assert_eq!(kick(moderator, (A::None, R::Visitor)), Ok(()));
        assert_eq!(kick(moderator, (A::Member, R::Participant)), Ok(()));
        assert_eq!(
            kick(moderator, (A::Member, R::Moderator)),
            Err(Refusal::NotAllowed)
        );
        assert_eq!(
            kick(moderator, (A::Admin, R::Moderator)),
            Err(Refusal::NotAllowed)
        );
        assert_eq!(
            kick((A::Admin, R::Moderator), (A::Owner, R::Moderator)),
            Err(Refusal::NotAllowed)
        );
        assert_eq!(
            kick((A::Admin, R::Moderator), (A::Member, R::Moderator)),
            Ok(())
        );
        assert_eq!(
            kick((A::Owner, R::Moderator), (A::Admin, R::Moderator)),
            Ok(())
        );
        assert_eq!(kick((A::Owner, R::None), (A::None, R::Participant)), Ok(()));
        assert_eq!(
            kick((A::None, R::Participant), (A::None, R::Visitor)),
            Err(Refusal::Forbidden)
        );
    }

    /// XEP-0045, sections 9.6 and 9.7: moderators are made and unmade by admins and owners, and
    /// never unmade if they are one of these.
    #[test]
    fn moderator_privileges() {
        let grant =
            |by, of| may_change_role((by, R::Moderator), (of, R::Participant), R::Moderator);
        let revoke =
            |by, of| may_change_role((by, R::Moderator), (of, R::Moderator), R::Participant);
        for by in A::ALL {
            let admin = by >= A::Admin;
            assert_eq!(grant(by, A::None).is_ok(), admin);
            assert_eq!(revoke(by, A::None).is_ok(), admin);
            assert_eq!(revoke(by, A::Member).is_ok(), admin);
            assert!(revoke(by, A::Admin).is_err());
            assert!(revoke(by, A::Owner).is_err());
        }
        assert_eq!(revoke(A::Owner, A::Admin), Err(Refusal::NotAllowed));
        assert_eq!(revoke(A::Member, A::None), Err(Refusal::Forbidden));
    }

    /// XEP-0045, section 5.1.3: roles that come and go with affiliations.
    #[test]
    fn roles_after_a_change_of_affiliation() {
        let after = |before, to| role_after(before, to, true, false);
        assert_eq!(after((A::None, R::Visitor), A::Member), R::Participant);
        assert_eq!(after((A::None, R::Visitor), A::Admin), R::Moderator);
        assert_eq!(after((A::Member, R::Moderator), A::None), R::Moderator);
        assert_eq!(after((A::Member, R::Participant), A::None), R::Participant);
        assert_eq!(after((A::Admin, R::Moderator), A::Member), R::Participant);
        assert_eq!(after((A::Owner, R::Moderator), A::None), R::Visitor);
        assert_eq!(after((A::Owner, R::Moderator), A::Admin), R::Moderator);
        assert_eq!(after((A::Member, R::Participant), A::Outcast), R::None);
        assert_eq!(
            role_after((A::Member, R::Participant), A::None, false, true),
            R::None
        );
    }

    #[test]
    fn names_are_read_back() {
        for affiliation in A::ALL {
            assert_eq!(A::named(affiliation.as_str()), Some(affiliation));
        }
        for role in R::ALL {
            assert_eq!(R::named(role.as_str()), Some(role));
        }
        assert_eq!((A::named("king"), R::named("king")), (None, None));
    }
}
