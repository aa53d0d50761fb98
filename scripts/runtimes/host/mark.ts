/** Begins the lines that are meant for the program that runs the tests. */
export const MARK = "@@vrpc-tests ";
