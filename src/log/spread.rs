//! Which partition a key belongs to: the rule of Kafka's own clients.
//!
//! **Invariant:** every producer of a topic spreads alike. One that does not would put a key's
//! records into two partitions; whoever reads can tell by asking [`partition_of`].

use super::Partition;

/// The partition of a key among `partitions`: murmur2, its sign dropped, modulo the count, as
/// Kafka's Java client does it and librdkafka's `murmur2_random`
/// (`org.apache.kafka.clients.producer.internals.BuiltInPartitioner`). A count of 0 counts as 1.
#[must_use]
pub fn partition_of(key: &[u8], partitions: u32) -> Partition {
    Partition((murmur2(key) & 0x7fff_ffff) % partitions.max(1))
}

/// Austin Appleby's murmur2 with Kafka's seed (`org.apache.kafka.common.utils.Utils`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;
    // Kafka's lengths are 32 bits wide.
    #[expect(clippy::cast_possible_truncation, reason = "as the reference does")]
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        mixed = mixed.wrapping_mul(MIX);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MIX) ^ mixed.wrapping_mul(MIX);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_kafkas_own_tests() {
        // org.apache.kafka.common.utils.UtilsTest, testMurmur2.
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_key_has_one_partition_and_keys_are_spread_evenly() {
        let mut counts = [0_usize; 32];
        for number in 0..32_000 {
            let key = format!("tenant-{}/{number:012}", number % 7);
            let chosen = partition_of(key.as_bytes(), 32);
            assert_eq!(chosen, partition_of(key.as_bytes(), 32));
            counts[chosen.0 as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        assert_eq!(partition_of(b"x", 0), Partition(0));
    }
}
