// Whether the canvas is seen from so far away that words are not drawn and handles cannot be caught.
import { type InjectionKey, type Ref, ref } from "vue";

export const farKey: InjectionKey<Ref<boolean>> = Symbol("far");
export const near: Ref<boolean> = ref(false);
