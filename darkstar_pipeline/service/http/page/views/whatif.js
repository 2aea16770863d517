// Another day, battery, tariff or area: not to be seen yet.
export const view = { name: "whatif", title: "What if", ready: false };
