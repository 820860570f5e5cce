/** The executable's path, whether it is there or not. */
export declare const CLAUDE: string;
