/**
 * How requests spread over links. Popularity follows Zipf's law: the link of rank k is asked for
 * in proportion to k^-s. Sums over billions of ranks are taken exactly where they are steep and
 * by bands of ranks further out, which is right to well within a percent.
 */
const exactRanks = 1_000;
const bandRatio = 1.02;

/** The share of requests that go to the `top` most popular of `links`. */
export function shareOfTop(top: number, links: number, s: number): number {
  if (top >= links) return 1;
  if (top <= 0) return 0;
  return weight(top, s) / weight(links, s);
}

/** How many of the most popular links get this share of requests. */
export function ranksForShare(share: number, links: number, s: number): number {
  let low = 1;
  let high = links;
  while (high / low > 1.001) {
    const middle = Math.sqrt(low * high);
    if (shareOfTop(middle, links, s) < share) low = middle;
    else high = middle;
  }
  return Math.min(links, Math.ceil(high));
}

/** How many different links so many requests are expected to ask for. */
export function distinctLinks(requests: number, links: number, s: number): number {
  if (links <= 0 || requests <= 0) return 0;
  const perWeight = requests / weight(links, s);
  const asked = (rank: number) => -Math.expm1(-perWeight * rank ** -s);
  const exact = Math.min(exactRanks, links);
  let distinct = 0;
  for (let rank = 1; rank <= exact; rank++) distinct += asked(rank);
  for (let from = exactRanks + 0.5; from < links;) {
    const to = Math.min(from * bandRatio, links + 0.5);
    distinct += asked(Math.sqrt(from * to)) * (to - from);
    from = to;
  }
  return Math.min(distinct, links, requests);
}

/** The generalised harmonic number: the sum of k^-s for k from 1 to n. */
export function weight(n: number, s: number): number {
  let sum = 0;
  const exact = Math.min(exactRanks, Math.floor(n));
  for (let rank = 1; rank <= exact; rank++) sum += rank ** -s;
  if (n <= exactRanks) return sum;
  const [from, to] = [exactRanks + 0.5, n + 0.5];
  return sum + (s === 1 ? Math.log(to / from) : (to ** (1 - s) - from ** (1 - s)) / (1 - s));
}
