//! Re-login limits and login profiles of a lab's groups (SES-5, SES-6), and what is said about them.

use std::time::Duration;

use takeover_core::assignment::AssignmentMode;
use takeover_core::id::GroupId;
use takeover_core::params::{ParamWarning, Setting};
use takeover_core::profile::{Mode, Profile, ProfileError, look_up_group};

use super::{Control, LabError, Severity};

impl Control {
    /// The re-login limits of a group, lower and upper (SES-5).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn login_limits(&self, group: &str) -> Result<(Duration, Duration), LabError> {
        let group = self.group_id(group)?;
        let first = self.deployment().group(group).nodes[0];
        Ok(self.0.params.read().re_login_limits(first))
    }

    /// Sets the re-login limits of a group, in seconds: on both nodes or on none, since they must be
    /// equal (SES-5). Clients made from now on keep them. What should not stay so is answered, and is
    /// among the notifications.
    ///
    /// # Errors
    /// [`LabError::NoSuch`]; [`LabError::Parameter`] outside their range, or where the lower one is
    /// above the upper one.
    pub fn set_login_limits(
        &self,
        group: &str,
        lower_s: u32,
        upper_s: u32,
    ) -> Result<Vec<ParamWarning>, LabError> {
        let group = self.deployment().group(self.group_id(group)?);
        let (lower, upper) = (lower_s.to_string(), upper_s.to_string());
        let mut settings = Vec::new();
        for node in &group.nodes {
            for (name, value) in [
                ("Client Re-Login Lower Limit", &lower),
                ("Client Re-Login Upper Limit", &upper),
            ] {
                let node = Some(*node);
                settings.push(Setting { name, node, value });
            }
        }
        self.0.params.write().set_all(&settings)?;
        let cluster = self.deployment().node(group.nodes[0]).cluster;
        let warnings = self.0.params.read().warnings(self.deployment(), cluster);
        for warning in &warnings {
            self.notify(Severity::Warning, warning.to_string());
        }
        Ok(warnings)
    }

    /// The login profile that fits a group as its users are assigned now (SES-6).
    ///
    /// # Errors
    /// [`LabError::NoSuch`]; [`LabError::Profile`] in a peered deployment, and for more users than
    /// the tables have.
    pub fn fitting_profile(&self, group: &str) -> Result<&'static Profile, LabError> {
        Ok(self.profile_of(self.group_id(group)?)?)
    }

    /// Sets the re-login limits of a group to those of its login profile (SES-6). An irregular row is
    /// applied as printed, and the notifications say so.
    ///
    /// # Errors
    /// As [`Control::fitting_profile`].
    pub fn apply_profile(&self, group: &str) -> Result<&'static Profile, LabError> {
        let profile = self.fitting_profile(group)?;
        self.set_login_limits(group, profile.lower_s, profile.upper_s)?;
        if profile.is_irregular() {
            let text = format!(
                "{group} has the login profile up to {} users, which is irregular: its upper limit \
                 is {} s as printed, the formula behind the table gives {} s",
                profile.expected_active_users, profile.upper_s, profile.formula_upper_s
            );
            self.notify(Severity::Warning, text);
        }
        Ok(profile)
    }

    fn profile_of(&self, group: GroupId) -> Result<&'static Profile, ProfileError> {
        let group = self.deployment().group(group);
        let mode = match self.0.params.read().assignment_mode() {
            AssignmentMode::Balanced | AssignmentMode::None => Mode::ActiveActive,
            AssignmentMode::ActiveStandby => Mode::ActiveStandby,
        };
        let users = self.plane().users();
        let at = |node| users.iter().filter(|user| user.home() == node).count();
        let counts: Vec<u32> = group
            .nodes
            .iter()
            .map(|node| u32::try_from(at(*node)).unwrap_or(u32::MAX))
            .collect();
        let ova = self.deployment().node(group.nodes[0]).ova;
        let peered = self.deployment().clusters().len() > 1;
        look_up_group(ova, mode, &counts, peered)
    }

    /// The profile of each group, before users are moved.
    pub(super) fn profiles(&self) -> Vec<Option<&'static Profile>> {
        let groups = self.deployment().groups().iter();
        groups.map(|group| self.profile_of(group.id).ok()).collect()
    }

    /// USR-4: users were added or moved; where that changes the login profile that applies, a notification
    /// says so.
    pub(super) fn tell_of_profiles(&self, before: &[Option<&'static Profile>]) {
        let now = self.profiles();
        for (group, (before, now)) in self
            .deployment()
            .groups()
            .iter()
            .zip(before.iter().zip(now))
        {
            if *before == now {
                continue;
            }
            let text = match now {
                Some(profile) => format!(
                    "the users of {} have changed: its login profile is now that of up to {} users, \
                     {} s to {} s",
                    group.name, profile.expected_active_users, profile.lower_s, profile.upper_s
                ),
                None => format!(
                    "the users of {} have changed: there is no login profile for so many",
                    group.name
                ),
            };
            self.notify(Severity::Warning, text);
        }
    }
}
