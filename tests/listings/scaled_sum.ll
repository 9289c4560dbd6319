declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, <8 x i1>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

; elementwise, 20: y, x, a -> add
define internal void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads) nounwind {
entry:
  %p1 = getelementptr inbounds ptr, ptr %table, i64 3
  %p2 = load ptr, ptr %p1, align 8
  %p3 = getelementptr inbounds ptr, ptr %table, i64 2
  %p4 = load ptr, ptr %p3, align 8
  %p5 = getelementptr inbounds ptr, ptr %table, i64 1
  %p6 = load ptr, ptr %p5, align 8
  %p7 = getelementptr inbounds ptr, ptr %table, i64 4
  %p8 = load ptr, ptr %p7, align 8
  %v9 = load float, ptr %p6, align 4
  br label %loop10
loop10:
  %i12 = phi i64 [0, %entry], [%v22, %loop10]
  %p13 = getelementptr inbounds float, ptr %p4, i64 %i12
  %v14 = load <8 x float>, ptr %p13, align 4
  %p15 = insertelement <8 x float> poison, float %v9, i32 0
  %v16 = shufflevector <8 x float> %p15, <8 x float> poison, <8 x i32> zeroinitializer
  %v17 = fmul contract <8 x float> %v16, %v14
  %p18 = getelementptr inbounds float, ptr %p2, i64 %i12
  %v19 = load <8 x float>, ptr %p18, align 4
  %v20 = fadd contract <8 x float> %v17, %v19
  %p21 = getelementptr inbounds float, ptr %p8, i64 %i12
  store <8 x float> %v20, ptr %p21, align 4
  %v22 = add i64 %i12, 8
  %v23 = icmp slt i64 %v22, 16
  br i1 %v23, label %loop10, label %done11
done11:
  %p24 = getelementptr inbounds float, ptr %p4, i64 16
  %v25 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr align 4 %p24, <8 x i1> <i1 true, i1 true, i1 true, i1 true, i1 false, i1 false, i1 false, i1 false>, <8 x float> zeroinitializer)
  %p26 = insertelement <8 x float> poison, float %v9, i32 0
  %v27 = shufflevector <8 x float> %p26, <8 x float> poison, <8 x i32> zeroinitializer
  %v28 = fmul contract <8 x float> %v27, %v25
  %p29 = getelementptr inbounds float, ptr %p2, i64 16
  %v30 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr align 4 %p29, <8 x i1> <i1 true, i1 true, i1 true, i1 true, i1 false, i1 false, i1 false, i1 false>, <8 x float> zeroinitializer)
  %v31 = fadd contract <8 x float> %v28, %v30
  %p32 = getelementptr inbounds float, ptr %p8, i64 16
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v31, ptr align 4 %p32, <8 x i1> <i1 true, i1 true, i1 true, i1 true, i1 false, i1 false, i1 false, i1 false>)
  ret void
}

define internal i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync) nounwind {
entry:
  call void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads)
  ret i64 1
}

define  void @run(ptr %arena, i64 %tid, i64 %threads, ptr %sync, ptr %args) nounwind {
entry:
  %table = alloca [5 x ptr], align 64
  call void @llvm.memcpy.p0.p0.i64(ptr %table, ptr %args, i64 40, i1 false)
  %p1 = alloca i32, align 4
  %p2 = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %p1)
  %p3 = load i32, ptr %p1, align 4
  %p4 = or i32 %p3, 32832
  store i32 %p4, ptr %p2, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %p2)
  %ok = call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)
  call void @llvm.x86.sse.ldmxcsr(ptr %p1)
  ret void
}

