//! Design, section 6: a transport key for each attachment, so that nobody in one place recognises a laptop from another.
//!
//! A cable that is pulled and put back is the same place: links outlive it. The finder knows, and what tells is the name that
//! it takes: the old one for the same visit, another one otherwise.

use std::collections::BTreeMap;

use crate::finding::{Instance, NetworkId, Order};

/// The networks that this machine is on, and the last one that it left when it was on none any more.
#[derive(Default)]
pub(super) struct Attachment {
    /// With our name there, once there is one.
    here: BTreeMap<NetworkId, Option<Instance>>,
    /// What we were called where we were last.
    before: Option<Instance>,
    /// Just come from nowhere, under no name yet.
    arriving: bool,
}

impl Attachment {
    /// Takes note of what the finder orders. Whether this is another place than before.
    pub(super) fn is_new(&mut self, order: &Order) -> bool {
        match order {
            Order::Start { network, .. } => {
                self.arriving |= self.here.is_empty();
                self.here.insert(*network, None);
            }
            Order::Stop { network } => {
                let name = self.here.remove(network).flatten();
                if self.here.is_empty() && name.is_some() {
                    self.before = name;
                }
            }
            Order::Announce { network, instance, .. } => {
                self.here.insert(*network, Some(instance.clone()));
                if std::mem::take(&mut self.arriving) {
                    return self.before.as_ref().is_some_and(|before| before != instance);
                }
            }
            Order::Look { .. } | Order::Withdraw { .. } | Order::Verify { .. } => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "start";
    const STOP: &str = "stop";

    /// Steps on networks, and whether each is another place; any other word is a name.
    #[track_caller]
    fn check(steps: &[(u32, &str, bool)]) {
        let mut attachment = Attachment::default();
        for (at, (network, word, expect)) in steps.iter().enumerate() {
            let network = NetworkId(*network);
            let order = match *word {
                START => Order::Start { network, guard: Vec::new() },
                STOP => Order::Stop { network },
                name => Order::Announce { network, instance: Instance::new(name).unwrap(), port: 5290 },
            };
            assert_eq!(attachment.is_new(&order), *expect, "step {at}");
        }
    }

    const OLD: &str = "abcdefghijklmnop";
    const NEW: &str = "ponmlkjihgfedcba";

    #[test]
    fn a_cable_that_is_put_back_leads_to_the_same_place() {
        check(&[(1, START, false), (1, OLD, false), (1, STOP, false), (1, START, false), (1, OLD, false)]);
        // Pulled again before there was a name.
        check(&[(1, START, false), (1, OLD, false), (1, STOP, false), (1, START, false), (1, STOP, false)]);
    }

    #[test]
    fn another_name_after_a_loss_is_another_place() {
        check(&[(1, START, false), (1, OLD, false), (1, STOP, false), (1, START, false), (1, NEW, true)]);
        check(&[
            (1, START, false),
            (1, OLD, false),
            (1, STOP, false),
            (2, START, false),
            (2, NEW, true),
            (2, OLD, false),
        ]);
    }

    #[test]
    fn a_second_network_or_the_name_of_a_new_day_is_no_other_place() {
        check(&[(1, START, false), (1, OLD, false), (2, START, false), (2, NEW, false), (1, STOP, false)]);
        check(&[
            (1, START, false),
            (1, OLD, false),
            (1, NEW, false),
            (1, STOP, false),
            (1, START, false),
            (1, NEW, false),
        ]);
    }
}
