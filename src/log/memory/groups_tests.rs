//! What the group coordinator promises.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(0);

fn counts(count: u32) -> BTreeMap<String, u32> {
    BTreeMap::from([("t".to_owned(), count)])
}

fn join(group: &mut Group, id: MemberId, instance: Option<&str>) {
    let topics = ["t".to_owned()];
    group.join(id, Joining { instance, topics: &topics, session: 10, silence: 20 }, NOW);
}

/// Lets members look, and give up what is revoked, until nothing moves; what each then has.
fn settle(group: &mut Group, count: u32) -> BTreeMap<MemberId, usize> {
    loop {
        let mut moved = false;
        for id in group.members() {
            let share = group.look(id, &counts(count)).expect("it is known");
            moved |= !share.revoked.is_empty() || !share.assigned.is_empty();
            if !share.revoked.is_empty() {
                group.release(id, &share.revoked);
            }
        }
        if !moved {
            return group.members.iter().map(|(id, member)| (*id, member.owned.len())).collect();
        }
    }
}

#[test]
fn partitions_are_shared_evenly_and_stay_where_they_are() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    assert_eq!(settle(&mut group, 7), BTreeMap::from([(1, 7)]));
    join(&mut group, 2, None);
    assert_eq!(settle(&mut group, 7), BTreeMap::from([(1, 4), (2, 3)]));
    let of_first = group.members[&1].owned.clone();
    join(&mut group, 3, None);
    assert_eq!(settle(&mut group, 7), BTreeMap::from([(1, 3), (2, 2), (3, 2)]));
    assert!(group.members[&1].owned.is_subset(&of_first));
}

#[test]
fn a_partition_changes_hands_only_after_its_owner_gave_it_up() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    settle(&mut group, 2);
    join(&mut group, 2, None);
    let nothing = group.look(2, &counts(2)).expect("it is known");
    assert!(nothing.assigned.is_empty());
    let share = group.look(1, &counts(2)).expect("it is known");
    assert_eq!((share.revoked.len(), share.generation), (1, nothing.generation));
    assert!(group.look(2, &counts(2)).expect("it is known").assigned.is_empty());
    group.release(1, &share.revoked);
    let share = group.look(2, &counts(2)).expect("it is known");
    assert_eq!((share.assigned.len(), share.generation), (1, nothing.generation + 1));
}

#[test]
fn a_member_behind_the_generation_may_not_commit_until_it_looks() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    let before = group.look(1, &counts(2)).expect("it is known").generation;
    assert_eq!(group.may_commit(1, before), Ok(()));
    join(&mut group, 2, None);
    assert_eq!(group.may_commit(1, before), Ok(()), "the group has not gone on yet");
    group.look(2, &counts(2)).expect("it is known");
    assert_eq!(group.may_commit(1, before), Err(Refusal::Generation));
    let now = group.look(1, &counts(2)).expect("it is known").generation;
    assert_eq!(group.may_commit(1, now), Ok(()));
}

#[test]
fn a_silent_member_is_put_out_and_its_partitions_go_to_the_others() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    join(&mut group, 2, None);
    settle(&mut group, 4);
    group.seen(1, Timestamp(5));
    group.expire(Timestamp(11));
    assert_eq!(group.look(2, &counts(4)), Err(Refusal::UnknownMember));
    assert_eq!(settle(&mut group, 4), BTreeMap::from([(1, 4)]));
}

#[test]
fn a_member_that_lives_and_never_polls_is_put_out_too() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    settle(&mut group, 1);
    group.seen(1, Timestamp(20));
    group.expire(Timestamp(20));
    assert_eq!(group.members(), [1]);
    group.polled(1, Timestamp(20));
    group.seen(1, Timestamp(40));
    group.expire(Timestamp(40));
    assert_eq!(group.members(), [1]);
    group.seen(1, Timestamp(41));
    group.expire(Timestamp(41));
    assert!(group.members().is_empty());
}

#[test]
fn an_instance_that_comes_again_has_its_partitions_back_without_a_rebalance() {
    let mut group = Group::default();
    join(&mut group, 1, Some("a"));
    join(&mut group, 2, Some("b"));
    settle(&mut group, 4);
    let before = group.generation;
    let had = group.members[&1].owned.clone();
    join(&mut group, 3, Some("a"));
    let share = group.look(3, &counts(4)).expect("it is known");
    assert_eq!(share.assigned.into_iter().collect::<BTreeSet<_>>(), had);
    assert_eq!(share.generation, before);
    assert_eq!(group.look(1, &counts(4)), Err(Refusal::Displaced));
    assert_eq!(group.may_commit(1, before), Err(Refusal::Displaced));
}

#[test]
fn new_partitions_are_handed_out() {
    let mut group = Group::default();
    join(&mut group, 1, None);
    settle(&mut group, 2);
    assert_eq!(settle(&mut group, 5), BTreeMap::from([(1, 5)]));
}

proptest! {
    #[test]
    fn whatever_members_do_each_partition_has_one_owner_and_in_the_end_all_are_read(
        steps in proptest::collection::vec((0..5_u8, 1..6_u64), 0..60), count in 1..9_u32,
    ) {
        let mut group = Group::default();
        let mut pending: BTreeMap<MemberId, Vec<TopicPartition>> = BTreeMap::new();
        let owned_once = |group: &Group| {
            let all = group.members.values().map(|member| member.owned.len()).sum::<usize>();
            let distinct: BTreeSet<_> =
                group.members.values().flat_map(|member| member.owned.iter()).collect();
            all == distinct.len()
        };
        for (what, id) in steps {
            match what {
                0 if !group.members.contains_key(&id) => join(&mut group, id, None),
                1 => group.leave(id),
                2 => {
                    if let Ok(share) = group.look(id, &counts(count)) {
                        pending.insert(id, share.revoked);
                    }
                }
                3 => {
                    let revoked = pending.remove(&id).unwrap_or_default();
                    group.release(id, &revoked);
                }
                _ => group.disturb(),
            }
            prop_assert!(owned_once(&group));
        }
        join(&mut group, 9, None);
        let shares = settle(&mut group, count);
        prop_assert!(owned_once(&group));
        prop_assert_eq!(shares.values().sum::<usize>(), count as usize);
        let (least, most) = (shares.values().min(), shares.values().max());
        prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1));
    }
}
