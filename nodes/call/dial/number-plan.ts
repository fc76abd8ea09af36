/**
 * What the public numbering plans say of numbers that nobody means to dial by mistake: emergency calls, and ranges by which
 * somebody earns. `x` stands for any digit. From the plans of the national regulators and ITU-T E.164; not complete, which no
 * such list can be: it stands behind the allow-list, not in its place.
 */

/**
 * Where a country's emergency and service codes would be if dialled behind its country code. No subscriber's number begins
 * with them.
 */
export const EMERGENCY_RANGES: readonly string[] = [
  // NANP: N11 is neither an area code nor an exchange (911, 411, 611 ...).
  ...['2', '3', '4', '5', '6', '7', '8', '9'].flatMap((n) => [`+1${n}11`, `+1xxx${n}11`]),
  ...['+44999', '+44112', '+44111'],
  ...['+353999', '+353112'],
  ...['+49110', '+49112'],
  ...['+61000', '+61112'],
  '+64111',
  ...['+6599', '+852999'],
];

/** Ranges that cost the caller more than a call: premium rate, personal and shared-cost numbers, satellites. */
export const PREMIUM_RANGES: readonly string[] = [
  ...['+1900', '+1xxx976'],
  // Europe
  ...['+449', '+4470', '+44871', '+44872', '+44873'],
  ...['+49900', '+49137', '+49118', '+49180', '+4932'],
  ...['+3389', '+33118'],
  ...['+3989', '+39199', '+39166'],
  ...['+34803', '+34806', '+34807', '+34905', '+34907', '+34118'],
  ...['+31900', '+31906', '+31909'],
  ...['+3290', '+41900', '+41901', '+41906', '+43900', '+43901', '+43930', '+43931', '+43939'],
  ...['+4590', '+46900', '+46939', '+46944', '+47820', '+47829', '+358600', '+358700'],
  ...['+48700', '+48701', '+48703', '+48704', '+48708', '+42090', '+42190', '+3690'],
  ...['+35315', '+351601', '+351607', '+351646', '+30901', '+30909'],
  // Elsewhere
  ...['+6119', '+64900', '+81990', '+6519', '+2786', '+552900', '+972190'],
  // Of no country
  ...['+979', '+878', '+870', '+881', '+882', '+883', '+888', '+808'],
];

/**
 * The range of these in which a number lies.
 * @param number in E.164, with its +
 */
export function rangeOf(ranges: readonly string[], number: string): string | undefined {
  return ranges.find((range) => {
    if (number.length < range.length) return false;
    for (let i = 0; i < range.length; i++) if (range[i] !== 'x' && range[i] !== number[i]) return false;
    return true;
  });
}
