/** The path of the executable that most tests run, whether it is there or not. */
export declare const CLAUDE: string;
/** The newest one that was tried. */
export declare const NEWEST_CLAUDE: string;
