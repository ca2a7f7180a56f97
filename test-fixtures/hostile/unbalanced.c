#if 0
{{{{ UFFD
#endif
int main(void) { return 0; }
#else
}}}
