// What is used of idiomorph's module, which comes without types of its own for this path.
declare module "idiomorph/dist/idiomorph.esm.js" {
  export const Idiomorph: {
    morph(
      old: Element,
      fresh: Element | NodeList,
      options: { morphStyle: "innerHTML" | "outerHTML"; ignoreActiveValue?: boolean },
    ): Node[] | undefined;
  };
}
