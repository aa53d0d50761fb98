/**
 * Compares the results of a suite with the failures that are explained.
 *
 * @module
 */

/** Outcome of a case; without an error it has passed. */
export interface CaseResult {
  readonly title: string;
  readonly error?: string;
}

/** Cases that fail for one reason. */
export interface ExpectedFailure {
  /** Why they fail. */
  readonly because: string;
  /** Parts of the titles of the cases. */
  readonly titles: readonly string[];
}

/** Prints how many cases pass, and those that fail or pass against expectation. Returns false if there are any. */
export function judge(
  suite: string,
  results: readonly CaseResult[],
  expected: readonly ExpectedFailure[],
): boolean {
  const failed = results.filter(({ error }) => error !== undefined);
  const isExpected = ({ title }: CaseResult) =>
    expected.some(({ titles }) => titles.some((one) => title.includes(one)));
  const surprises = failed.filter((one) => !isExpected(one));
  for (const { title, error } of surprises) console.log(`FAILED ${title}: ${error}`);
  const stale = expected.flatMap(({ titles }) => titles)
    .filter((title) => !failed.some((one) => one.title.includes(title)));
  for (const title of stale) console.log(`PASSED although a reason is given why not: ${title}`);
  console.log(
    `${suite}: ${results.length - failed.length} of ${results.length} cases pass, ` +
      `${failed.length - surprises.length} fail as explained`,
  );
  return results.length > 0 && surprises.length === 0 && stale.length === 0;
}

/** Returns the explained failures as `docs/grpc-js.md` shows them: a row for each reason. */
export function failureTable(expected: readonly ExpectedFailure[]): string {
  const rows = expected.map(({ because, titles }) => `| ${titles.join("; ")} | ${because} |`);
  return ["| cases | why they fail |", "| ----- | ------------- |", ...rows].join("\n");
}
